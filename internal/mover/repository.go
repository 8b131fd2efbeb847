package mover

import (
	"flag"
	"fmt"
	"path/filepath"
	"time"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
)

// grace is how long restic has to give up its lock when the pod is told to end;
// a pod has 30 seconds.
const grace = 20 * time.Second

// repository is the flags that say which repository, and how to get in.
type repository struct {
	address     string
	region      string
	credentials string
	scratch     string
	restic      string
}

func (r *repository) register(flags *flag.FlagSet) {
	flags.StringVar(&r.address, "repository", "", "the repository's `address`, as restic takes it")
	flags.StringVar(&r.region, "region", "", "the S3 `region`")
	flags.StringVar(&r.credentials, "credentials", "", "the `folder` with a file for each key of the credentials")
	flags.StringVar(&r.scratch, "scratch", "", "a `folder` for restic's cache")
	flags.StringVar(&r.restic, "restic", "restic", "the restic `program`")
}

// program reads the credentials and points restic at the repository.
func (r *repository) program(p Process) (cli.Program, error) {
	location, err := cli.ParseLocation(r.address, "")
	if err != nil {
		return cli.Program{}, backup.Errorf(backup.Invalid, "--repository %w", err)
	}
	credentials, err := cli.ReadCredentialsFolder(location.Kind, r.credentials)
	if err != nil {
		return cli.Program{}, err
	}
	return p.senses.over(cli.Program{
		Path: r.restic, Location: location, Credentials: credentials, Region: r.region,
		CacheDir: filepath.Join(r.scratch, cli.CacheFolder), Patient: true, Grace: grace,
	}), nil
}

// tell passes on to people what restic says.
func tell(p Process) func(line string) {
	return func(line string) { fmt.Fprintln(p.Stderr, line) }
}
