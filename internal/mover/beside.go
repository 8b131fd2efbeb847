package mover

// beside begins to do something on a goroutine of its own and returns a function that
// waits for what comes of it. That function must be called, once.
func beside[T any](do func() (T, error)) (wait func() (T, error)) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		value, err := do()
		done <- outcome{value, err}
	}()
	return func() (T, error) {
		o := <-done
		return o.value, o.err
	}
}

const (
	// leastBeside is the least memory in which restic can study a snapshot beside a
	// restore: its key derivation alone takes 64 MiB.
	leastBeside = 192 << 20
	// shareBeside is the part of the memory that is left which restic may take for
	// that. The restore holds the repository's index, too.
	shareBeside = 3
)

// memoryBeside returns how much memory restic may take to study a snapshot beside a
// restore, where both have that much room, 0 meaning that nothing bounds them. It
// reports false where there is too little for both.
func memoryBeside(room int64) (bytes int64, enough bool) {
	share := room / shareBeside
	return share, room == 0 || share >= leastBeside
}
