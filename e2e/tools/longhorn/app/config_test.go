package app

import (
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func parse(args string) (Config, error) {
	return ParseFlags(strings.Fields(args), &strings.Builder{})
}

func TestAPodNeedsNoFlags(t *testing.T) {
	t.Setenv("NODE_NAME", "node1")
	t.Setenv("POD_NAME", "longhorn-manager-1")
	t.Setenv("POD_IP", "10.42.0.9")

	config, err := parse("")

	require.NoError(t, err)
	require.Equal(t, Config{
		Namespace: "longhorn-system", Node: "node1", PodName: "longhorn-manager-1", PodIP: "10.42.0.9",
		DataDir: "/var/lib/longhorn-standin", Listen: ":9500", TargetPollInterval: 5 * time.Minute,
	}, config)
}

func TestFlagsThatAreWrongAreRefused(t *testing.T) {
	t.Setenv("NODE_NAME", "")
	const right = "--node node1 --pod-name a --pod-ip 127.0.0.1 "
	_, err := parse(right)
	require.NoError(t, err)
	for args, want := range map[string]string{
		"--pod-name a --pod-ip 127.0.0.1":           "--node",
		"--node node1 --pod-name a --pod-ip here":   "--pod-ip",
		right + "--bytes-per-second -1":             "must not be negative",
		right + "--backup-target-poll-interval -1s": "must not be negative",
		right + "more":                 "unexpected arguments",
		right + "--bytes-per-minute 1": "not defined",
	} {
		_, err := parse(args)
		require.ErrorContains(t, err, want, args)
	}
	_, err = parse("--help")
	require.ErrorIs(t, err, flag.ErrHelp)
}
