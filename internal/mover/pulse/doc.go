// Package pulse is how a mover shows, without a word in its log, whether it moves
// anything.
//
// A backup runs in the namespace of its claim, where Soteria may see the status of a
// pod and may not read its log. So the mover keeps a [Record] in its scratch folder: a
// file whose time is when something last moved, and whose content says what the mover
// waits for. The kubelet asks it by a readiness probe, [Command], which fails once
// nothing has moved for [QuietAfter]. That the container is not ready then shows in
// the status of its pod; what the probe says shows in an event about the pod. Nothing
// else depends on it: no Service selects the pod, and a Job ends when its pod does.
//
// A probe costs the node one start of Soteria's binary every [Period]: about 30 ms of
// CPU besides what the container runtime needs to start a process, and 35 MB of memory
// for that moment, of which most is the binary itself.
//
// What could not be recorded, or read, is never taken for a mover that moves nothing.
package pulse
