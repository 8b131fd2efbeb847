package app

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"
)

// Config is the flags; see package longhorn for what they mean.
type Config struct {
	Kubeconfig         string
	Namespace          string
	Node               string
	PodName            string
	PodIP              string
	DataDir            string
	Listen             string
	TargetURL          string
	TargetPollInterval time.Duration
	BytesPerSecond     int64
}

// ParseFlags reads and checks the flags. What is wrong, and help, it also writes to output.
func ParseFlags(args []string, output io.Writer) (Config, error) {
	var config Config
	flags := flag.NewFlagSet("longhorn-standin", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.StringVar(&config.Kubeconfig, "kubeconfig", "", "kubeconfig `file`; without it the service account of the pod")
	flags.StringVar(&config.Namespace, "namespace", "longhorn-system", "where Longhorn lives")
	flags.StringVar(&config.Node, "node", os.Getenv("NODE_NAME"), "`name` of the Kubernetes node")
	flags.StringVar(&config.PodName, "pod-name", os.Getenv("POD_NAME"), "`name` of this pod")
	flags.StringVar(&config.PodIP, "pod-ip", os.Getenv("POD_IP"), "`address` of this pod")
	flags.StringVar(&config.DataDir, "data-dir", "/var/lib/longhorn-standin", "`folder` for volumes, snapshots and backups")
	flags.StringVar(&config.Listen, "listen", ":9500", "`address` of the API with the proxy in front")
	flags.StringVar(&config.TargetURL, "backup-target-url", "", "`URL` of the default backup target; empty: none")
	flags.DurationVar(&config.TargetPollInterval, "backup-target-poll-interval", 5*time.Minute,
		"how often the target is synced unasked; 0: never")
	flags.Int64Var(&config.BytesPerSecond, "bytes-per-second", 0, "how fast an upload or a restore moves bytes; 0: as fast as the disk")
	if err := flags.Parse(args); err != nil {
		return config, err
	}
	return config, config.check(flags.Args())
}

func (c Config) check(rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("unexpected arguments %q", rest)
	}
	if c.Node == "" || c.PodName == "" || c.Namespace == "" {
		return errors.New("--node, --pod-name and --namespace are needed")
	}
	if _, err := netip.ParseAddr(c.PodIP); err != nil {
		return fmt.Errorf("--pod-ip: %w", err)
	}
	if c.BytesPerSecond < 0 || c.TargetPollInterval < 0 {
		return errors.New("--bytes-per-second and --backup-target-poll-interval must not be negative")
	}
	return nil
}
