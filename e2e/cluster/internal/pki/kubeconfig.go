package pki

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Kubeconfig returns a kubeconfig, with all it needs inside, for the holder of
// the named certificate in dir to reach the API server at url. It is JSON,
// which every reader of YAML reads.
func Kubeconfig(dir, name, url string) ([]byte, error) {
	files := map[string][]byte{}
	for _, f := range []string{CA + ".crt", name + ".crt", name + ".key"} {
		data, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil {
			return nil, fmt.Errorf("read for kubeconfig of %s: %w", name, err)
		}
		files[f] = data
	}
	const cluster = "soteria-e2e"
	config := map[string]any{
		"apiVersion": "v1",
		"kind":       "Config",
		"clusters": []any{map[string]any{
			"name": cluster,
			"cluster": map[string]any{
				"server":                     url,
				"certificate-authority-data": files[CA+".crt"],
			},
		}},
		"users": []any{map[string]any{
			"name": name,
			"user": map[string]any{
				"client-certificate-data": files[name+".crt"],
				"client-key-data":         files[name+".key"],
			},
		}},
		"contexts": []any{map[string]any{
			"name":    cluster,
			"context": map[string]any{"cluster": cluster, "user": name},
		}},
		"current-context": cluster,
	}
	data, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode kubeconfig of %s: %w", name, err)
	}
	return append(data, '\n'), nil
}
