// Package metrics holds the name, labels and buckets of every metric of
// Soteria, in one place.
//
// What happens is counted when it happens, through methods that fit the observer
// interfaces of the packages that tell of it. What is (restores by phase, held
// claims, the catalog's age, the certificate's end) is read when Prometheus
// scrapes, so that it cannot drift from the truth; see [State].
//
// The freshness of each claim's backups is read from the latest inventory, see
// [WatchInventory]; these series are as many as there are claims. No other label
// has a value that a user chooses, so the number of series is bounded.
package metrics
