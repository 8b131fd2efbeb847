package bucket

import "strings"

// folders is how deep keys of no known layout are grouped, below the folder
// that is listed.
const folders = 2

// resticFolders are the folders of a restic repository and how many path
// segments lie between each and its files.
var resticFolders = map[string]int{"data": 1, "index": 0, "keys": 0, "locks": 0, "snapshots": 0}

// group gives the prefix that a key, which begins with what is listed, is
// counted under. It is always a prefix of the key: the volume of a Longhorn store, the folder of a restic repository,
// else the first folders below listed. Keys outside all folders have the empty
// prefix.
func group(key, listed string) string {
	if prefix, found := longhornVolume(key); found {
		return prefix
	}
	if prefix, found := resticFolder(key); found {
		return prefix
	}
	end := strings.LastIndex(listed, "/") + 1
	for range folders {
		next := strings.IndexByte(key[end:], '/')
		if next < 0 {
			break
		}
		end += next + 1
	}
	return key[:end]
}

// longhornVolume finds the folder of a volume in a Longhorn backup store:
// …backupstore/volumes/ab/cd/<volume>/.
func longhornVolume(key string) (string, bool) {
	const volumes, levels = "backupstore/volumes/", 3
	at := strings.Index(key, volumes)
	if at < 0 || at > 0 && key[at-1] != '/' {
		return "", false
	}
	end := at + len(volumes)
	for range levels {
		next := strings.IndexByte(key[end:], '/')
		if next < 0 {
			return "", false
		}
		end += next + 1
	}
	return key[:end], true
}

// resticFolder finds the folder of a restic repository that a file is in. The
// files are named by their SHA-256, which tells them from others.
func resticFolder(key string) (string, bool) {
	segments := strings.Split(key, "/")
	name := len(segments) - 1
	for folder, between := range resticFolders {
		at := name - between - 1
		if at < 0 || segments[at] != folder || !isHex(segments[name], 64) {
			continue
		}
		if between == 1 && !isHex(segments[at+1], 2) {
			continue
		}
		return strings.Join(segments[:at+1], "/") + "/", true
	}
	return "", false
}

func isHex(text string, length int) bool {
	return len(text) == length && strings.Trim(text, "0123456789abcdef") == ""
}
