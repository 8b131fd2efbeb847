// Package debian installs the system packages that a cluster needs.
package debian

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
)

// need maps each package to a file of it that shows that it is there.
var need = map[string]string{
	"busybox-static":              "/bin/busybox",
	"ca-certificates":             "/etc/ssl/certs/ca-certificates.crt",
	"conntrack":                   "/usr/sbin/conntrack",
	"containerd":                  "/usr/bin/containerd",
	"containernetworking-plugins": "/usr/lib/cni/bridge",
	"e2fsprogs":                   "/sbin/mkfs.ext4",
	"iproute2":                    "/sbin/ip",
	"mount":                       "/bin/mount",
	"nftables":                    "/usr/sbin/nft",
	"runc":                        "/usr/sbin/runc",
}

// Install installs the packages that are missing and returns their names.
func Install(ctx context.Context) ([]string, error) {
	missing, err := lacking(need)
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("packages %s are missing, and only root can install them", strings.Join(missing, ", "))
	}
	if apt(ctx, missing) == nil {
		return missing, nil
	}
	// The lists may be old or were never fetched.
	if err := run(ctx, "apt-get", "-q", "update"); err != nil {
		return nil, err
	}
	if err := apt(ctx, missing); err != nil {
		return nil, err
	}
	still, err := lacking(need)
	if err == nil && len(still) > 0 {
		err = fmt.Errorf("packages %s were installed but their programs are not there", strings.Join(still, ", "))
	}
	return missing, err
}

func lacking(need map[string]string) ([]string, error) {
	var missing []string
	for name, file := range need {
		_, err := os.Stat(file)
		if errors.Is(err, fs.ErrNotExist) {
			missing = append(missing, name)
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look for package %s: %w", name, err)
		}
	}
	return missing, nil
}

func apt(ctx context.Context, packages []string) error {
	return run(ctx, "apt-get", append([]string{
		"-q", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", "install",
	}, packages...)...)
}

func run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, bytes.TrimSpace(output.Bytes()))
	}
	return nil
}
