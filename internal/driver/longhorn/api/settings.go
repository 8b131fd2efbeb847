package api

import (
	"context"
	"net/http"
)

// AllowedTopologyKeys is the setting that names the labels of nodes, separated by
// commas, which Longhorn's CSI plugin keeps volumes to. From version 1.11 on.
const AllowedTopologyKeys = "csi-allowed-topology-keys"

// Setting reads the value of one of Longhorn's settings. One that this version
// does not have is [IsUnsupported].
func (c *Client) Setting(ctx context.Context, name string) (string, error) {
	if err := checkName("setting", name); err != nil {
		return "", err
	}
	call := call{what: "reading setting " + name, method: http.MethodGet, path: "settings/" + name, reads: true}
	var setting struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	if err := c.do(ctx, call, &setting); err != nil {
		return "", err
	}
	return setting.Value, checkAnswer(call, name, setting.Name)
}
