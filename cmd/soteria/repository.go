package main

import (
	"context"
	"fmt"
	"io"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog/ledger"
	"github.com/soteria-dr/soteria/internal/driver/restic"
)

const repositoryUsage = `soteria repository init [--if-absent]   make the repository and print its identity
soteria repository show                 print the identity of the repository that is there
soteria repository accept ID            believe the repository with this identity from now on, whatever
                                        was expected before, even if it is empty`

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
	cluster, err := connect()
	if err != nil {
		return err
	}
	backups, err := restic.New(c.restic(""), restic.Cluster{Client: cluster, Reader: cluster})
	if err != nil {
		return err
	}
	answer, err := act(ctx, backups, ledger.New(cluster, cluster, c.Namespace))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, answer)
	return err
}

// act is one of the things to do with a repository; it gives what to print.
type act func(ctx context.Context, backups *restic.Driver, expectations *ledger.Ledger) (string, error)

func repositoryAct(args []string) (act, error) {
	switch {
	case len(args) == 1 && args[0] == "init":
		return initRepository, nil
	case len(args) == 2 && args[0] == "init" && args[1] == "--if-absent":
		return initIfAbsent, nil
	case len(args) == 1 && args[0] == "show":
		return showRepository, nil
	case len(args) == 2 && args[0] == "accept":
		return acceptRepository(args[1]), nil
	}
	return nil, fmt.Errorf("%w:\n%s", errUsage, repositoryUsage)
}

func initRepository(ctx context.Context, backups *restic.Driver, _ *ledger.Ledger) (string, error) {
	return backups.InitRepository(ctx)
}

func showRepository(ctx context.Context, backups *restic.Driver, _ *ledger.Ledger) (string, error) {
	return backups.Identity(ctx)
}

func initIfAbsent(ctx context.Context, backups *restic.Driver, _ *ledger.Ledger) (string, error) {
	id, err := backups.InitRepository(ctx)
	if backup.KindOf(err) == backup.Conflict {
		return backups.Identity(ctx)
	}
	return id, err
}

func acceptRepository(id string) act {
	return func(ctx context.Context, backups *restic.Driver, expectations *ledger.Ledger) (string, error) {
		there, err := backups.Identity(ctx)
		if err != nil {
			return "", err
		}
		if there != id {
			return "", backup.Errorf(backup.Invalid, "the repository at %s is %s, not %s", backups.Location(), there, id)
		}
		if err := expectations.Accept(ctx, backups.Name(), id); err != nil {
			return "", err
		}
		return "accepted " + id, nil
	}
}

// connect makes a client that reads from the API server itself.
func connect() (client.Client, error) {
	connection, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("finding the cluster: %w", err)
	}
	scheme := runtime.NewScheme()
	if err := addTypes(scheme); err != nil {
		return nil, err
	}
	cluster, err := client.New(connection, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("connecting to the cluster: %w", err)
	}
	return cluster, nil
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
