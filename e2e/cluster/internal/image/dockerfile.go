package image

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// Sources maps what the stages of a Dockerfile make, written stage:path, to
// the file on this machine that takes its place.
type Sources map[string]string

// Follow reads a Dockerfile and returns the image that its last stage
// describes. That stage must begin from scratch and copy only from other
// stages. An instruction that is not known here is an error, so that the image
// never lacks what the Dockerfile says.
func Follow(dockerfile io.Reader, sources Sources) (Image, error) {
	parsed, err := parser.Parse(dockerfile)
	if err != nil {
		return Image{}, fmt.Errorf("parse Dockerfile: %w", err)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		return Image{}, fmt.Errorf("parse Dockerfile: %w", err)
	}
	if len(stages) == 0 {
		return Image{}, errors.New("no stage in Dockerfile")
	}
	last := stages[len(stages)-1]
	if last.BaseName != "scratch" {
		return Image{}, fmt.Errorf("last stage of Dockerfile begins from %q, not from scratch", last.BaseName)
	}
	f := follower{sources: sources, workdir: "/"}
	f.image.Config.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	for _, c := range last.Commands {
		if err := f.do(c); err != nil {
			return Image{}, fmt.Errorf("last stage of Dockerfile, %s: %w", strings.ToUpper(c.Name()), err)
		}
	}
	return f.image, nil
}

// follower holds what the instructions so far have made.
type follower struct {
	sources Sources
	workdir string
	image   Image
}

func (f *follower) do(c instructions.Command) error {
	config := &f.image.Config
	switch c := c.(type) {
	case *instructions.CopyCommand:
		return f.copyFiles(c)
	case *instructions.EnvCommand:
		return eachPair(c.Env, func(key, value string) { setEnv(config, key, value) })
	case *instructions.LabelCommand:
		if config.Labels == nil {
			config.Labels = map[string]string{}
		}
		return eachPair(c.Labels, func(key, value string) { config.Labels[key] = value })
	case *instructions.WorkdirCommand:
		f.workdir = f.absolute(c.Path)
		config.WorkingDir = f.workdir
		f.image.Files = append(f.image.Files, File{Path: f.workdir})
		return literal(c.Path)
	case *instructions.UserCommand:
		config.User = c.User
		return literal(c.User)
	case *instructions.EntrypointCommand:
		config.Entrypoint = argv(c.ShellDependantCmdLine)
	case *instructions.CmdCommand:
		config.Cmd = argv(c.ShellDependantCmdLine)
	case *instructions.ExposeCommand:
		return f.expose(c.Ports)
	default:
		return errors.New("this instruction is not known to the e2e image builder")
	}
	return nil
}

func (f *follower) copyFiles(c *instructions.CopyCommand) error {
	if c.From == "" {
		return errors.New("only COPY --from=STAGE is known to the e2e image builder")
	}
	if c.Parents || len(c.ExcludePatterns) > 0 || len(c.SourceContents) > 0 {
		return errors.New("of COPY's options only --from, --chown, --chmod and --link are known to the e2e image builder")
	}
	mode, err := chmod(c.Chmod)
	if err != nil {
		return err
	}
	uid, gid, err := chown(c.Chown)
	if err != nil {
		return err
	}
	intoFolder := strings.HasSuffix(c.DestPath, "/") || len(c.SourcePaths) > 1
	for _, src := range c.SourcePaths {
		from, known := f.sources[c.From+":"+src]
		if !known {
			return fmt.Errorf("nothing on this machine stands for %s:%s", c.From, src)
		}
		dest := f.absolute(c.DestPath)
		if intoFolder {
			dest = path.Join(dest, path.Base(src))
		}
		f.image.Files = append(f.image.Files, File{Path: dest, From: from, Mode: mode, UID: uid, GID: gid})
	}
	return errors.Join(literal(c.DestPath), literal(c.From))
}

func (f *follower) expose(ports []string) error {
	if f.image.Config.ExposedPorts == nil {
		f.image.Config.ExposedPorts = map[string]struct{}{}
	}
	for _, p := range ports {
		if err := literal(p); err != nil {
			return err
		}
		if !strings.Contains(p, "/") {
			p += "/tcp"
		}
		f.image.Config.ExposedPorts[p] = struct{}{}
	}
	return nil
}

func (f *follower) absolute(p string) string {
	if path.IsAbs(p) {
		return path.Clean(p)
	}
	return path.Join(f.workdir, p)
}

func argv(c instructions.ShellDependantCmdLine) []string {
	if c.PrependShell {
		return append([]string{"/bin/sh", "-c"}, c.CmdLine...)
	}
	return c.CmdLine
}

func setEnv(config *v1.Config, key, value string) {
	for i, e := range config.Env {
		if strings.HasPrefix(e, key+"=") {
			config.Env[i] = key + "=" + value
			return
		}
	}
	config.Env = append(config.Env, key+"="+value)
}

func eachPair(pairs instructions.KeyValuePairs, set func(key, value string)) error {
	for _, p := range pairs {
		key, value := unquote(p.Key), unquote(p.Value)
		if err := errors.Join(literal(key), literal(value)); err != nil {
			return err
		}
		set(key, value)
	}
	return nil
}

// unquote removes the quotes that the parser leaves around a word.
func unquote(s string) string {
	for _, quote := range []string{`"`, `'`} {
		if len(s) >= 2 && strings.HasPrefix(s, quote) && strings.HasSuffix(s, quote) {
			return s[1 : len(s)-1]
		}
	}
	return s
}

// literal refuses variables, which are not replaced here.
func literal(s string) error {
	if strings.Contains(s, "$") {
		return fmt.Errorf("variables, as in %q, are not known to the e2e image builder", s)
	}
	return nil
}

func chmod(s string) (fs.FileMode, error) {
	if s == "" {
		return 0, nil
	}
	mode, err := strconv.ParseUint(s, 8, 32)
	if err != nil || mode == 0 || mode > 0o777 {
		return 0, fmt.Errorf("--chmod=%s is not a mode of three digits", s)
	}
	return fs.FileMode(mode), nil
}

func chown(s string) (uid, gid int, err error) {
	if s == "" {
		return 0, 0, nil
	}
	user, group, found := strings.Cut(s, ":")
	if !found {
		group = user
	}
	uid, uerr := strconv.Atoi(user)
	gid, gerr := strconv.Atoi(group)
	if uerr != nil || gerr != nil {
		return 0, 0, fmt.Errorf("--chown=%s is not numeric", s)
	}
	return uid, gid, nil
}
