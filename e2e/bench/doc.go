// Command bench measures Soteria on the demo's cluster, beside raw restic, and prints
// the figures in a table with what is to be reached: make bench-cluster. It asserts
// nothing. What needs no cluster is measured by Go benchmarks: make bench.
//
// The repository holds 20,000 snapshots, which package history writes. A proxy on this
// machine (package slowline) counts the requests to the store and, where a line of the
// table says so, lets each wait 30 ms, as a far store does.
//
// Nothing else should run on the machine meanwhile: neither the scenarios nor a build.
package main
