package image

import (
	"context"
	"fmt"
	"io/fs"
	"os/exec"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Files of this machine that images hold.
const (
	Certificates = "/etc/ssl/certs/ca-certificates.crt"
	busybox      = "/bin/busybox"
)

// Helpers names the images of our own that the cluster and its tests use.
// They are never pulled: the host part localhost is kept as it is everywhere.
const (
	CoreDNS    = "localhost/coredns:e2e"
	Versitygw  = "localhost/versitygw:e2e"
	RestServer = "localhost/rest-server:e2e"
	Longhorn   = "localhost/longhorn:e2e"
	Restic     = "localhost/restic:0.16.4"
	Busybox    = "localhost/busybox:e2e"
	Kyverno    = "localhost/kyverno:e2e"
)

// HelperPrograms are the programs inside the helper images.
var HelperPrograms = []string{"pause", "coredns", "versitygw", "rest-server", "longhorn-standin", "restic-0.16", "treetool"}

// Helpers returns the helper images by name, with pause for the image of pods'
// sandboxes. Paths maps HelperPrograms to their files.
func Helpers(ctx context.Context, pause string, paths map[string]string) (map[string]Image, error) {
	applets, err := appletLinks(ctx)
	if err != nil {
		return nil, err
	}
	shell := append(base(),
		File{Path: "/bin/busybox", From: busybox},
		File{Path: "/bin/treetool", From: paths["treetool"]},
		File{Path: "/etc/passwd", Content: []byte("root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")},
		File{Path: "/etc/group", Content: []byte("root:x:0:\nnogroup:x:65534:\n")},
	)
	return map[string]Image{
		pause:      program(paths["pause"], "/pause"),
		CoreDNS:    program(paths["coredns"], "/usr/bin/coredns"),
		Versitygw:  program(paths["versitygw"], "/usr/bin/versitygw"),
		RestServer: program(paths["rest-server"], "/usr/bin/rest-server"),
		Longhorn:   program(paths["longhorn-standin"], "/usr/bin/longhorn-standin"),
		Restic:     program(paths["restic-0.16"], "/usr/bin/restic"),
		Busybox: {
			Files:  append(shell, applets...),
			Config: v1.Config{Env: []string{"PATH=/bin"}, Cmd: []string{"/bin/sh"}},
		},
	}, nil
}

// OfKyverno returns Kyverno's image, which only its scenarios need, from the file of its
// admission controller.
func OfKyverno(controller string) Image { return program(controller, "/usr/bin/kyverno") }

// program returns an image of a single static program that it runs.
func program(from, to string) Image {
	return Image{
		Files:  append(base(), File{Path: to, From: from}),
		Config: v1.Config{Env: []string{"PATH=/usr/bin"}, Entrypoint: []string{to}},
	}
}

// base returns what programs expect of any system.
func base() []File {
	return []File{
		{Path: "/tmp", Mode: fs.ModeSticky | 0o777},
		{Path: Certificates, From: Certificates},
	}
}

// appletLinks returns a link for each of busybox's commands.
func appletLinks(ctx context.Context) ([]File, error) {
	out, err := exec.CommandContext(ctx, busybox, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("list busybox's commands: %w", err)
	}
	var links []File
	for _, applet := range strings.Fields(string(out)) {
		if applet != "busybox" {
			links = append(links, File{Path: "/bin/" + applet, Link: "busybox"})
		}
	}
	return links, nil
}
