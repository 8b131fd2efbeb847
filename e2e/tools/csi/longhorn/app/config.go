package app

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
)

// Driver is the name of the driver. It is Longhorn's: PersistentVolumes of the real one name it.
const Driver = "driver.longhorn.io"

// Config is what the driver is told by its flags.
type Config struct {
	// Node is the name of the node, in Kubernetes and in Longhorn.
	Node string
	// KubeletDir is the kubelet's root folder; the sockets go below it.
	KubeletDir string
	// ImageDir is where Longhorn's volumes are, as disk images.
	ImageDir string
	// LonghornURL is where Longhorn's REST API answers.
	LonghornURL string
	// LogLevel is the least level that is logged.
	LogLevel slog.Level
}

// ParseFlags reads and checks the arguments. Usage and what is wrong with the flags goes to output.
func ParseFlags(args []string, output io.Writer) (Config, error) {
	var config Config
	flags := flag.NewFlagSet("csi-longhorn", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.StringVar(&config.Node, "node-name", "", "name of the node (required)")
	flags.StringVar(&config.KubeletDir, "kubelet-dir", "", "the kubelet's root directory (required)")
	flags.StringVar(&config.ImageDir, "image-dir", "", "directory that holds the volumes' disk images (required)")
	flags.StringVar(&config.LonghornURL, "longhorn-url", "", "URL of Longhorn's REST API, http://HOST:PORT (required)")
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
		{"node-name", c.Node}, {"kubelet-dir", c.KubeletDir}, {"image-dir", c.ImageDir}, {"longhorn-url", c.LonghornURL},
	} {
		if required.value == "" {
			wrong = append(wrong, fmt.Errorf("--%s is missing", required.flag))
		}
	}
	if len(wrong) > 0 {
		return Config{}, errors.Join(wrong...)
	}
	for _, path := range []*string{&c.KubeletDir, &c.ImageDir} {
		absolute, err := filepath.Abs(*path)
		if err != nil {
			return Config{}, fmt.Errorf("make %s absolute: %w", *path, err)
		}
		*path = absolute
	}
	return c, nil
}

// Endpoint is the socket on which the CSI services answer.
func (c Config) Endpoint() string {
	return filepath.Join(c.KubeletDir, "plugins", Driver, "csi.sock")
}
