// Package drivertest is the conformance suite of drivers: what package driver
// promises, as tests. A driver passes it by describing how to make itself, see
// [ListerSuite], [PrunerSuite] and [FillerSuite]; its own tests cover what is special to it.
package drivertest
