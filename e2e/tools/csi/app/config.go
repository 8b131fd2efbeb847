package app

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/soteria-dr/soteria/e2e/tools/csi/provision"
)

// DefaultDriver is the name of the driver unless another is given.
const DefaultDriver = "local.csi.soteria.dev"

// maxDriverName is the CSI specification's limit.
const maxDriverName = 63

// Config is what the driver is told by its flags.
type Config struct {
	// Node is the name of the node, and the value of its label kubernetes.io/hostname.
	Node string
	// KubeletDir is the kubelet's root folder; the sockets go below it.
	KubeletDir string
	// DataDir is where the volumes are.
	DataDir string
	// Kubeconfig is the file that says how to reach the API server.
	Kubeconfig string
	// Share says that the driver runs on other nodes too, each serving the volumes there; Unplaced that this one serves
	// the claims for which no node is selected.
	Share, Unplaced bool
	// Driver is the name of the driver.
	Driver string
	// LogLevel is the least level that is logged.
	LogLevel slog.Level
}

// ParseFlags reads and checks the arguments. Usage and what is wrong with the flags goes to output.
func ParseFlags(args []string, output io.Writer) (Config, error) {
	var config Config
	flags := flag.NewFlagSet("csi-local", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.StringVar(&config.Node, "node-name", "", "name of the node, equal to its label kubernetes.io/hostname (required)")
	flags.StringVar(&config.KubeletDir, "kubelet-dir", "", "the kubelet's root directory (required)")
	flags.StringVar(&config.DataDir, "data-dir", "", "directory that holds the volumes (required)")
	flags.StringVar(&config.Kubeconfig, "kubeconfig", "", "kubeconfig file of the cluster (required)")
	flags.StringVar(&config.Driver, "driver-name", DefaultDriver, "name of the CSI driver and of the provisioner")
	flags.BoolVar(&config.Share, "share", false, "leave volumes on other nodes to the drivers there")
	flags.BoolVar(&config.Unplaced, "unplaced", true, "with --share: serve claims for which no node is selected")
	flags.TextVar(&config.LogLevel, "log-level", slog.LevelInfo, "least level to log: DEBUG, INFO, WARN or ERROR")
	if err := flags.Parse(args); err != nil {
		return Config{}, err
	}
	if flags.NArg() > 0 {
		return Config{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return config.complete()
}

// complete checks the configuration and makes its paths absolute.
func (c Config) complete() (Config, error) {
	var wrong []error
	for _, required := range []struct{ flag, value string }{
		{"node-name", c.Node}, {"kubelet-dir", c.KubeletDir}, {"data-dir", c.DataDir}, {"kubeconfig", c.Kubeconfig},
	} {
		if required.value == "" {
			wrong = append(wrong, fmt.Errorf("--%s is missing", required.flag))
		}
	}
	// The name becomes part of paths.
	if problems := validation.IsDNS1123Subdomain(c.Driver); len(problems) > 0 {
		wrong = append(wrong, fmt.Errorf("--driver-name: %s", strings.Join(problems, "; ")))
	} else if len(c.Driver) > maxDriverName {
		wrong = append(wrong, fmt.Errorf("--driver-name is longer than %d bytes", maxDriverName))
	}
	if len(wrong) > 0 {
		return Config{}, errors.Join(wrong...)
	}
	for _, path := range []*string{&c.KubeletDir, &c.DataDir, &c.Kubeconfig} {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return Config{}, fmt.Errorf("make %s absolute: %w", *path, err)
		}
		*path = absolute
	}
	return c, nil
}

// share returns what the provisioner serves; nil where that is everything.
func (c Config) share() *provision.Share {
	if !c.Share {
		return nil
	}
	return &provision.Share{Node: c.Node, Unplaced: c.Unplaced}
}

// Endpoint is the socket on which the CSI services answer.
func (c Config) Endpoint() string {
	return filepath.Join(c.KubeletDir, "plugins", c.Driver, "csi.sock")
}
