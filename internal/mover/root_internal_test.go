package mover

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestTheRootOfAFileSystemIsToldByItsInode(t *testing.T) {
	data := rootFolder{Name: "data", Type: "dir", Inode: rootInode}
	depth, err := chooseRoot([]string{"data"}, []rootFolder{data}, false, "")
	assert.NoError(t, err)
	assert.Equal(t, 1, depth)
	depth, err = chooseRoot([]string{"data", "data"}, []rootFolder{data, {Name: "data", Type: "dir", Inode: 12}}, false, "")
	assert.NoError(t, err)
	assert.Equal(t, 1, depth, "cd /data && restic backup data, of a volume with an inner data")
}

// Whatever was typed and whatever the volume holds, a root that is chosen is the
// one that was backed up, or nothing is chosen; but for a volume that holds nothing
// but two folders in each other that are called as the end of its own path.
func TestARootThatIsChosenIsTheOneThatWasBackedUp(t *testing.T) {
	name := rapid.SampledFrom([]string{"a", "b"})
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.SliceOfN(name, 1, 4).Draw(t, "path")
		typed := rapid.IntRange(0, len(path)).Draw(t, "parts typed")
		inner := rapid.SliceOfN(name, 0, 1).Draw(t, "single folders in the volume")
		var chain []rootFolder
		for _, part := range append(path[len(path)-typed:len(path):len(path)], inner...) {
			chain = append(chain, rootFolder{Name: part, Type: "dir", Inode: 100})
		}
		depth, err := chooseRoot(path, chain, false, "")
		if err == nil {
			assert.Equal(t, typed, depth, "path %v, tree %v", path, names(chain))
		}
	})
}
