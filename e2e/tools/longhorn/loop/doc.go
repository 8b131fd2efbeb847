// Package loop stands in for those controllers of Longhorn that move bytes or speak to what moves them: engine, replica,
// share manager, snapshot, backup, backup volume and backup target. One file per kind says what the status of such an
// object becomes; where the real controller asks an engine or a backup store, it asks packages images and store. The
// controllers that decide from custom resources alone, as the volume controller does, are Longhorn's own and run beside.
//
// The loop is level-triggered: a pass looks at everything there is, and any change starts the next pass. Whatever it needs
// to know after a crash is in the custom resources or on disk.
package loop
