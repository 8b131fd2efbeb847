package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/soteria-dr/soteria/internal/apis/v1alpha1"
	"github.com/soteria-dr/soteria/internal/attribution"
	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/catalog"
	"github.com/soteria-dr/soteria/internal/catalog/ledger"
	"github.com/soteria-dr/soteria/internal/driver"
	"github.com/soteria-dr/soteria/internal/driver/longhorn"
	"github.com/soteria-dr/soteria/internal/driver/restic"
	"github.com/soteria-dr/soteria/internal/kube"
)

const repositoryUsage = `soteria repository init [--if-absent] [--yes]
      make the restic repository, believe it though it is empty, and print its identity
soteria repository show [DRIVER]
      print the identity of the repository that is there
soteria repository accept [--yes] [DRIVER] ID
      believe the repository with this identity and what it holds now, even if that is nothing or less than before
soteria repository accept --claim NAMESPACE/NAME [DRIVER]
      believe that a claim has no other backups than those that are there now; without DRIVER, in every repository
soteria repository forget [--yes] DRIVER
      forget that a driver held backups which is not looked at any more
soteria repository adopt --dry-run [DRIVER] [RULES]
      show which claims backups would be of that do not say so, by the rules in the settings or by these
DRIVER is restic, unless said otherwise, longhorn, whose repository is its backup targets, kopia-fs, kopia-s3, or s3,
whose repository is the bucket that SOTERIA_LOOKUP_S3_BUCKET names. What would start claims empty that wait now asks for --yes.`

// repository runs the acts that only a person decides on.
func repository(ctx context.Context, args []string, env map[string]string, stdout io.Writer) error {
	act, err := repositoryAct(args)
	if err != nil {
		return err
	}
	c, err := readConfig(act.configured(env))
	if err != nil {
		return fmt.Errorf("%w:\n%w", errConfig, err)
	}
	if act.driver != "" && !c.uses(act.driver) {
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
	restic *restic.Driver
	// listers are the drivers that are configured, by name, of which looked names
	// those that are looked at for restores.
	listers      map[string]driver.Lister
	looked       []string
	cluster      client.Client
	expectations *ledger.Ledger
	memory       *ledger.Expectations
	// unaccepted is the memory of repositories that no one has accepted.
	unaccepted *ledger.Unaccepted
	// copies are those of the memory beside the backups, by driver.
	copies   map[string]catalog.Copy
	policy   kube.Policy
	now      func() time.Time
	accepted *ledger.Accepted
	// config and resources are what other drivers are made of.
	config    config
	resources rest.Interface
}

func newTools(c config) (t tools, err error) {
	cluster, resources, err := connect()
	if err != nil {
		return tools{}, err
	}
	t = tools{
		listers: make(map[string]driver.Lister), cluster: cluster, expectations: ledger.New(cluster, cluster, c.Namespace),
		memory: ledger.NewExpectations(cluster, cluster, c.Namespace), unaccepted: ledger.NewUnaccepted(cluster, cluster, c.Namespace, time.Now),
		policy: c.policy(), now: time.Now, accepted: ledger.NewAccepted(cluster, cluster, c.Namespace), config: c, resources: resources,
	}
	if c.uses(restic.Name) {
		if t.restic, err = restic.New(c.restic(""), restic.Cluster{Client: cluster, Reader: cluster}); err != nil {
			return tools{}, err
		}
		t.listers[restic.Name], t.copies = t.restic, map[string]catalog.Copy{restic.Name: t.restic}
	}
	if c.uses(longhorn.Name) {
		if t.listers[longhorn.Name], err = longhorn.New(c.longhorn(), longhorn.Cluster{Client: cluster, Reader: cluster, REST: resources}); err != nil {
			return tools{}, err
		}
	}
	for _, name := range c.lookedUp() {
		if t.listers[name], err = newLookup(c, name, cluster); err != nil {
			return tools{}, err
		}
	}
	for _, name := range repositoryNames {
		if c.looksAt(name) {
			t.looked = append(t.looked, name)
		}
	}
	return t, nil
}

// listerWith makes a driver with this configuration.
func (t tools) listerWith(c config, name string) (driver.Lister, error) {
	switch name {
	case restic.Name:
		return restic.New(c.restic(""), restic.Cluster{Client: t.cluster, Reader: t.cluster})
	case longhorn.Name:
		return longhorn.New(c.longhorn(), longhorn.Cluster{Client: t.cluster, Reader: t.cluster, REST: t.resources})
	default:
		return newLookup(c, name, t.cluster)
	}
}

// identity reads the identity of a driver's repository.
func (t tools) identity(ctx context.Context, name string) (string, error) {
	if name == restic.Name {
		return t.restic.Identity(ctx)
	}
	lister, err := t.lister(name)
	if err != nil {
		return "", err
	}
	return lister.List(ctx, nothing{})
}

// nothing is a listing of which only the repository's identity matters.
type nothing struct{}

func (nothing) Backup(backup.Backup)      {}
func (nothing) Doubt(backup.Claim, error) {}
func (nothing) Incomplete(error)          {}

func (nothing) Strays([]attribution.Stray, attribution.Words) {}

// Mark implements [driver.Listing].
func (nothing) Mark(string) {}

// act is one of the things to do with a driver's repository, which must be configured
// where it is named; it gives what to print.
type act struct {
	driver string
	do     func(ctx context.Context, t tools) (string, error)
	// settings take the place of the environment's.
	settings map[string]string
}

// configured returns the environment with the act's own settings.
func (a act) configured(env map[string]string) map[string]string {
	env = maps.Clone(env)
	maps.Copy(env, a.settings)
	return env
}

// order is what an act is told: the words after its name, and options.
type order struct {
	words         []string
	ifAbsent, yes bool
	claim         string
}

// subject is the driver that the words begin with, or restic, and what follows it.
func (o order) subject() (driver string, rest []string) {
	if len(o.words) > 0 && slices.Contains(repositoryNames, o.words[0]) {
		return o.words[0], o.words[1:]
	}
	return restic.Name, o.words
}

// parse tells words from options, in any order.
func parse(args []string) (o order, err error) {
	flags := flag.NewFlagSet("repository", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&o.ifAbsent, "if-absent", false, "")
	flags.BoolVar(&o.yes, "yes", false, "")
	flags.StringVar(&o.claim, "claim", "", "")
	for rest := args; len(rest) > 0; rest = rest[1:] {
		if err := flags.Parse(rest); err != nil {
			return order{}, err
		}
		if rest = flags.Args(); len(rest) == 0 {
			break
		}
		o.words = append(o.words, rest[0])
	}
	return o, nil
}

func repositoryAct(args []string) (act, error) {
	if len(args) > 0 && args[0] == "adopt" {
		return adoptAct(args[1:])
	}
	o, err := parse(args)
	if err == nil && len(o.words) > 0 {
		name := o.words[0]
		o.words = o.words[1:]
		acts := map[string]func(order) (act, bool){"init": initAct, "show": showAct, "accept": acceptAct, "forget": forgetAct}
		if understand, known := acts[name]; known {
			if understood, ok := understand(o); ok {
				return understood, nil
			}
		}
	}
	return act{}, fmt.Errorf("%w:\n%s", errUsage, repositoryUsage)
}

func initAct(o order) (act, bool) {
	return act{driver: restic.Name, do: initRepository(o)}, len(o.words) == 0 && o.claim == ""
}

func showAct(o order) (act, bool) {
	driver, rest := o.subject()
	show := func(ctx context.Context, t tools) (string, error) { return t.identity(ctx, driver) }
	return act{driver: driver, do: show}, len(rest) == 0 && !o.ifAbsent && !o.yes && o.claim == ""
}

func acceptAct(o order) (act, bool) {
	driver, rest := o.subject()
	switch {
	case o.ifAbsent:
		return act{}, false
	case o.claim == "":
		return act{driver: driver, do: func(ctx context.Context, t tools) (string, error) {
			return acceptRepository(ctx, t, driver, rest[0], o.yes)
		}}, len(rest) == 1
	}
	claim, err := backup.ParseClaim(o.claim)
	return act{driver: strings.Join(o.words, ""), do: settleClaim(claim, o.words)}, err == nil && len(rest) == 0 && len(o.words) <= 1
}

func forgetAct(o order) (act, bool) {
	driver, rest := o.subject()
	return act{do: forget(driver, o.yes)}, len(o.words) == 1 && len(rest) == 0 && !o.ifAbsent && o.claim == ""
}

// initRepository makes the repository and, where this cluster has used none yet,
// accepts it as it is: empty.
func initRepository(o order) func(context.Context, tools) (string, error) {
	return func(ctx context.Context, t tools) (string, error) {
		if id, err := t.restic.Identity(ctx); err == nil && o.ifAbsent {
			return id, nil
		} else if backup.KindOf(err) == backup.RepositoryAbsent {
			if err := t.confirm(ctx, o.yes, "making a new repository", nil); err != nil {
				return "", err
			}
		}
		id, err := t.restic.InitRepository(ctx)
		if backup.KindOf(err) == backup.Conflict && o.ifAbsent {
			return t.restic.Identity(ctx)
		}
		if err != nil {
			return "", err
		}
		return id, t.acceptNew(ctx, id)
	}
}

// acceptNew accepts a repository that was made a moment ago. One that takes the place
// of another is left to a person: what that other holds may be all there is.
func (t tools) acceptNew(ctx context.Context, id string) error {
	before, err := t.expectations.Expectation(ctx, restic.Name)
	if err != nil || before.Repository != "" {
		return err
	}
	// What is added before Soteria first lists it is not taken for accepted.
	if err := t.accepted.Accept(ctx, restic.Name, id, nil); err != nil {
		return err
	}
	return t.expectations.Accept(ctx, restic.Name, id)
}

// acceptRepository has the cluster believe the repository with this identity, and no
// claim miss a backup that it does not hold.
func acceptRepository(ctx context.Context, t tools, name, id string, yes bool) (string, error) {
	identity, err := t.identity(ctx, name)
	if err != nil {
		return "", err
	}
	if identity != id {
		return "", backup.Errorf(backup.Invalid, "the %s repository is %s, not %s", name, identity, id)
	}
	there, listed, err := t.list(ctx, name)
	if err != nil {
		return "", err
	}
	if listed != id {
		return "", backup.Errorf(backup.Invalid, "the %s repository is %s by now, not %s", name, listed, id)
	}
	if err := t.confirm(ctx, yes, "accepting "+id, there); err != nil {
		return "", err
	}
	if err := t.settleAll(ctx, name, id, there); err != nil {
		return "", err
	}
	strays, err := t.acceptStrays(ctx, name, id)
	if err != nil {
		return "", err
	}
	if err := t.expectations.Accept(ctx, name, id); err != nil {
		return "", err
	}
	if strays > 0 {
		return fmt.Sprintf("accepted %s, and %d backups in it of which nothing says which claim they are of", id, strays), nil
	}
	return "accepted " + id, nil
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
