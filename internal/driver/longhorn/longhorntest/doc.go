// Package longhorntest is a Longhorn for tests: its REST API and the part of the
// Kubernetes API that serves its custom resources, in one process and without any
// bytes.
//
// It behaves as the real one was seen to: what is refused and in which words, when
// states change and in which order, to the second in all times it writes down. Its
// clock runs faster than the real one; what is tested with it has to use that
// clock ([Longhorn.Clock]). What a test wants to go wrong it says with
// [Longhorn.Change].
package longhorntest
