package restic

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// options are the options of a restic command that a user may add. They are
// listed one by one rather than forbidden one by one: an option that a later
// restic brings, or that nobody thought of, must not be able to change the
// repository, its password or its credentials, run a program, read a file of
// the container, or change which claim a snapshot belongs to.
//
// What is left out, and why:
//
//   - repo, repository-file, password-file, password-command, key-hint,
//     insecure-no-password, option s3.unsafe-anonymous-auth: another repository
//     or other credentials.
//   - insecure-tls: the credentials would be sent to whoever answers. cacert,
//     tls-client-cert, exclude-file, iexclude-file, files-from…: read files,
//     and none is mounted in a Job.
//   - option sftp.command, sftp.args, rclone.program, rclone.args, stdin-from-command:
//     run a program.
//   - host, time, parent, group-by, path, stdin…, and words that are no
//     option: decide what a snapshot holds and whose it is, which is settled. A tag
//     is added to those by which Soteria knows a snapshot, and may be none of them.
//   - json, quiet, verbose, dry-run, no-lock, skip-if-unchanged,
//     unsafe-allow-remove-all, keep-none: change what Soteria relies on.
type options struct {
	// takesValue tells of each option whether a value belongs to it.
	takesValue map[string]bool
	// short maps one-letter options to their long names.
	short map[rune]string
}

var commonOptions = map[string]bool{
	"cleanup-cache":         false,
	"compression":           true,
	"http-user-agent":       true,
	"limit-download":        true,
	"limit-upload":          true,
	"no-cache":              false,
	"option":                true,
	"pack-size":             true,
	"retry-lock":            true,
	"stuck-request-timeout": true,
}

var backupOptions = options{
	takesValue: with(commonOptions, map[string]bool{
		"exclude":             true,
		"exclude-caches":      false,
		"exclude-if-present":  true,
		"exclude-larger-than": true,
		"force":               false,
		"iexclude":            true,
		"ignore-ctime":        false,
		"ignore-inode":        false,
		"no-extra-verify":     false,
		"no-scan":             false,
		"one-file-system":     false,
		"read-concurrency":    true,
		"tag":                 true,
		"with-atime":          false,
	}),
	short: map[rune]string{'e': "exclude", 'f': "force", 'o': "option", 'x': "one-file-system"},
}

// forgetOptions are accepted whole, so that what restic users know is no mistake;
// see [Config.ForgetArgs] for those that are used.
var forgetOptions = options{
	takesValue: with(commonOptions, map[string]bool{
		"keep-daily":            true,
		"keep-hourly":           true,
		"keep-last":             true,
		"keep-monthly":          true,
		"keep-tag":              true,
		"keep-weekly":           true,
		"keep-within":           true,
		"keep-within-daily":     true,
		"keep-within-hourly":    true,
		"keep-within-monthly":   true,
		"keep-within-weekly":    true,
		"keep-within-yearly":    true,
		"keep-yearly":           true,
		"max-repack-size":       true,
		"max-unused":            true,
		"no-extra-verify":       false,
		"prune":                 false,
		"repack-cacheable-only": false,
		"repack-small":          false,
		"repack-uncompressed":   false,
	}),
	short: map[rune]string{'H': "keep-hourly", 'd': "keep-daily", 'l': "keep-last", 'm': "keep-monthly", 'o': "option", 'w': "keep-weekly", 'y': "keep-yearly"},
}

// backendOptions are the keys that option (-o) may set: how a backend is
// talked to, not which and as whom.
var backendOptions = []string{
	"local.connections",
	"rest.connections",
	"s3.bucket-lookup",
	"s3.connections",
	"s3.list-objects-v1",
	"s3.retries",
	"s3.storage-class",
}

func with(base, more map[string]bool) map[string]bool {
	all := make(map[string]bool, len(base)+len(more))
	for _, each := range []map[string]bool{base, more} {
		for name, takesValue := range each {
			all[name] = takesValue
		}
	}
	return all
}

// checkArgs gives every argument that is refused and why. It reads arguments as
// restic's own parser does: --name=value, --name value, -x, -xvalue, -x value,
// and several letters behind one dash.
func checkArgs(args []string, allowed options) []error {
	var problems []error
	for i := 0; i < len(args); i++ {
		awaits, err := allowed.checkOne(args[i])
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if awaits == "" {
			continue
		}
		i++
		if i >= len(args) {
			return append(problems, fmt.Errorf("option --%s lacks its value", awaits))
		}
		if err := checkValue(awaits, args[i]); err != nil { //nolint:gosec // i was compared just above
			problems = append(problems, err)
		}
	}
	return problems
}

// checkOne checks one argument and names the option that takes the next one as its
// value, if one does.
func (o options) checkOne(arg string) (awaits string, err error) {
	switch {
	case strings.ContainsFunc(arg, unicode.IsControl):
		return "", fmt.Errorf("%q holds a control character", arg)
	case strings.HasPrefix(arg, "--") && len(arg) > 2:
		return o.checkLong(strings.TrimPrefix(arg, "--"))
	case strings.HasPrefix(arg, "-") && len(arg) > 1 && arg != "--":
		return o.checkShort(strings.TrimPrefix(arg, "-"))
	default:
		return "", fmt.Errorf("%q is not an option; what is backed up is settled", arg)
	}
}

// checkLong checks what follows two dashes and names the option that takes the
// next argument as its value, if one does.
func (o options) checkLong(text string) (awaits string, err error) {
	name, value, hasValue := strings.Cut(text, "=")
	takesValue, known := o.takesValue[name]
	switch {
	case !known:
		return "", fmt.Errorf("option --%s is not allowed", name)
	case hasValue && takesValue:
		return "", checkValue(name, value)
	case takesValue:
		return name, nil
	case hasValue && value != "true" && value != "false":
		return "", fmt.Errorf("option --%s takes no value", name)
	default:
		return "", nil
	}
}

// checkShort does the same for what follows one dash.
func (o options) checkShort(text string) (awaits string, err error) {
	for at, letter := range text {
		name, known := o.short[letter]
		if !known {
			return "", fmt.Errorf("option -%c is not allowed", letter)
		}
		if !o.takesValue[name] {
			continue
		}
		if value := text[at+len(string(letter)):]; value != "" {
			return "", checkValue(name, strings.TrimPrefix(value, "="))
		}
		return name, nil
	}
	return "", nil
}

func checkValue(name, value string) error {
	if strings.ContainsFunc(value, unicode.IsControl) {
		return fmt.Errorf("the value of option --%s holds a control character", name)
	}
	if name == "tag" {
		return checkTags(value)
	}
	if name != "option" {
		return nil
	}
	if key, _, _ := strings.Cut(value, "="); !slices.Contains(backendOptions, key) {
		return fmt.Errorf("option --option %s is not allowed; allowed are %s", key, strings.Join(backendOptions, ", "))
	}
	return nil
}

// checkTags refuses a list of tags, as restic takes it, of which one would say whose a
// snapshot is, or anything else that Soteria says by its tags.
func checkTags(list string) error {
	for tag := range strings.SplitSeq(list, ",") {
		tag = strings.TrimSpace(tag) // as restic does
		if tag == "" {
			return fmt.Errorf("option --tag %q holds an empty tag", list)
		}
		if prefix, reserved := reservedTag(tag); reserved {
			return fmt.Errorf("option --tag %q is not allowed: tags that begin with %q are Soteria's own", tag, prefix)
		}
	}
	return nil
}
