package restic

import "context"

// HandOver hands over once.
func (r *Relay) HandOver(ctx context.Context) error { return r.handOver(ctx) }

// Reread reads the whole once, where that is due.
func (d *Driver) Reread(ctx context.Context) error { return d.reread(ctx) }
