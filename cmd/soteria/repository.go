package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog/ledger"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/longhorn"
	"github.com/soteria-dr/soteria/internal/driver/restic"
)

const repositoryUsage = `soteria repository init [--if-absent]   make the restic repository and print its identity
soteria repository show [DRIVER]        print the identity of the repository that is there
soteria repository accept [DRIVER] ID   believe the repository with this identity from now on, whatever
                                        was expected before, even if it is empty
DRIVER is restic, unless said otherwise, longhorn, whose repository is its backup targets, kopia-fs, kopia-s3, or s3,
whose repository is the bucket that SOTERIA_LOOKUP_S3_BUCKET names.`

// repository runs the acts that only a person decides on.
func repository(ctx context.Context, args []string, env map[string]string, stdout io.Writer) error {
	act, err := repositoryAct(args)
	if err != nil {
		return err
	}
	c, err := readConfig(env)
	if err != nil {
		return fmt.Errorf("%w:\n%w", errConfig, err)
	}
	if !c.uses(act.driver) {
		return fmt.Errorf("%w: the driver %s is not configured", errConfig, act.driver)
	}
	tools, err := newTools(c)
	if err != nil {
		return err
	}
	answer, err := act.do(ctx, tools)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, answer)
	return err
}

// tools are what acts work with: the drivers that are configured, and what the
// cluster expects of their repositories.
type tools struct {
	restic       *restic.Driver
	longhorn     *longhorn.Driver
	lookups      map[string]driver.Lister
	expectations *ledger.Ledger
}

func newTools(c config) (t tools, err error) {
	cluster, resources, err := connect()
	if err != nil {
		return tools{}, err
	}
	t.expectations = ledger.New(cluster, cluster, c.Namespace)
	if c.uses(restic.Name) {
		if t.restic, err = restic.New(c.restic(""), restic.Cluster{Client: cluster, Reader: cluster}); err != nil {
			return tools{}, err
		}
	}
	if c.uses(longhorn.Name) {
		if t.longhorn, err = longhorn.New(c.longhorn(), longhorn.Cluster{Client: cluster, Reader: cluster, REST: resources}); err != nil {
			return tools{}, err
		}
	}
	t.lookups = make(map[string]driver.Lister)
	for _, name := range c.lookedUp() {
		if t.lookups[name], err = newLookup(c, name, cluster); err != nil {
			return tools{}, err
		}
	}
	return t, nil
}

// identity reads the identity of a driver's repository.
func (t tools) identity(ctx context.Context, driver string) (string, error) {
	if lookup, found := t.lookups[driver]; found {
		return lookup.List(ctx, nothing{})
	}
	if driver == longhorn.Name {
		return t.longhorn.List(ctx, nothing{})
	}
	return t.restic.Identity(ctx)
}

// nothing is a listing of which only the repository's identity matters.
type nothing struct{}

func (nothing) Backup(backup.Backup)      {}
func (nothing) Doubt(backup.Claim, error) {}

// act is one of the things to do with a driver's repository; it gives what to
// print.
type act struct {
	driver string
	do     func(ctx context.Context, t tools) (string, error)
}

func repositoryAct(args []string) (act, error) {
	name, driver, rest := "", restic.Name, []string(nil)
	if len(args) > 0 {
		name, rest = args[0], args[1:]
	}
	if name != "init" && len(rest) > 0 && (slices.Contains(drivers, rest[0]) || slices.Contains(lookups, rest[0])) {
		driver, rest = rest[0], rest[1:]
	}
	switch {
	case name == "init" && len(rest) == 0:
		return act{driver, initRepository}, nil
	case name == "init" && len(rest) == 1 && rest[0] == "--if-absent":
		return act{driver, initIfAbsent}, nil
	case name == "show" && len(rest) == 0:
		return act{driver, func(ctx context.Context, t tools) (string, error) { return t.identity(ctx, driver) }}, nil
	case name == "accept" && len(rest) == 1:
		return act{driver, acceptRepository(driver, rest[0])}, nil
	}
	return act{}, fmt.Errorf("%w:\n%s", errUsage, repositoryUsage)
}

func initRepository(ctx context.Context, t tools) (string, error) {
	return t.restic.InitRepository(ctx)
}

func initIfAbsent(ctx context.Context, t tools) (string, error) {
	id, err := t.restic.InitRepository(ctx)
	if backup.KindOf(err) == backup.Conflict {
		return t.restic.Identity(ctx)
	}
	return id, err
}

func acceptRepository(driver, id string) func(context.Context, tools) (string, error) {
	return func(ctx context.Context, t tools) (string, error) {
		there, err := t.identity(ctx, driver)
		if err != nil {
			return "", err
		}
		if there != id {
			return "", backup.Errorf(backup.Invalid, "the %s repository is %s, not %s", driver, there, id)
		}
		if err := t.expectations.Accept(ctx, driver, id); err != nil {
			return "", err
		}
		return "accepted " + id, nil
	}
}

// connect makes a client that reads from the API server itself, and one for
// resources of which Soteria has no types.
func connect() (client.Client, rest.Interface, error) {
	connection, err := ctrl.GetConfig()
	if err != nil {
		return nil, nil, fmt.Errorf("finding the cluster: %w", err)
	}
	scheme := runtime.NewScheme()
	if err := addTypes(scheme); err != nil {
		return nil, nil, err
	}
	cluster, err := client.New(connection, client.Options{Scheme: scheme})
	if err != nil {
		return nil, nil, fmt.Errorf("connecting to the cluster: %w", err)
	}
	clientset, err := kubernetes.NewForConfig(connection)
	if err != nil {
		return nil, nil, fmt.Errorf("connecting to the cluster: %w", err)
	}
	return cluster, clientset.CoreV1().RESTClient(), nil
}

// addTypes registers the types of Kubernetes and of Soteria.
func addTypes(scheme *runtime.Scheme) error {
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return fmt.Errorf("registering types: %w", err)
		}
	}
	return nil
}
