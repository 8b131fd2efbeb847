// Package layout says where everything of a cluster lives: folders, addresses,
// ports and names. It reads and writes nothing but the folders themselves.
//
// A cluster has two folders. The state folder, .cluster at the root of the
// repository, holds all that is worth looking at. The short folder, outside
// the repository, holds what must have a short path because Unix sockets live
// below it: a socket's path is limited to 107 bytes, and a clone may lie deep.
package layout
