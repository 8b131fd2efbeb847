// Package inventorytest has known states of a cluster, for tests of what is told
// about inventories.
package inventorytest
