// Package sparse copies files without writing what is empty in them.
package sparse

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// chunk is how much is read at once, and the grain at which zeros are left out.
const chunk = 256 << 10

var zeros = make([]byte, chunk)

// Step is told before a chunk is copied: how many bytes of data it has, and which part of the file, 0 to 100, lies before
// it. It may wait; what it returns ends the copy.
type Step func(ctx context.Context, bytes, percent int) error

// Copy copies a file to an empty one, and gives it the same size. It returns how many bytes it wrote.
func Copy(ctx context.Context, target, source *os.File, step Step) (int64, error) {
	info, err := source.Stat()
	if err != nil {
		return 0, fmt.Errorf("look at the source: %w", err)
	}
	size := info.Size()
	if err := target.Truncate(size); err != nil {
		return 0, fmt.Errorf("size the target: %w", err)
	}
	c := copier{target: target, source: source, size: size, step: step, buffer: make([]byte, chunk)}
	if err := c.step(ctx, 0, 0); err != nil {
		return 0, err
	}
	for offset := int64(0); offset < size; {
		start, end, err := extent(source, offset, size)
		if err != nil {
			return c.written, err
		}
		if err := c.copy(ctx, start, end); err != nil {
			return c.written, err
		}
		offset = end
	}
	if err := target.Sync(); err != nil {
		return c.written, fmt.Errorf("write the target: %w", err)
	}
	return c.written, c.step(ctx, 0, 100)
}

// extent finds the next data at or after offset. Where there is none, both ends are size.
func extent(file *os.File, offset, size int64) (start, end int64, err error) {
	start, err = unix.Seek(int(file.Fd()), offset, unix.SEEK_DATA)
	if errors.Is(err, unix.ENXIO) {
		return size, size, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("find data: %w", err)
	}
	end, err = unix.Seek(int(file.Fd()), start, unix.SEEK_HOLE)
	if err != nil {
		return 0, 0, fmt.Errorf("find the end of data: %w", err)
	}
	return min(start, size), min(end, size), nil
}

type copier struct {
	target, source *os.File
	size           int64
	step           Step
	buffer         []byte
	written        int64
}

func (c *copier) copy(ctx context.Context, start, end int64) error {
	for offset := start; offset < end; {
		part := c.buffer[:min(chunk, end-offset)]
		if err := c.step(ctx, len(part), int(offset*100/c.size)); err != nil {
			return err
		}
		if _, err := io.ReadFull(io.NewSectionReader(c.source, offset, int64(len(part))), part); err != nil {
			return fmt.Errorf("read the source: %w", err)
		}
		if !bytes.Equal(part, zeros[:len(part)]) {
			if _, err := c.target.WriteAt(part, offset); err != nil {
				return fmt.Errorf("write the target: %w", err)
			}
			c.written += int64(len(part))
		}
		offset += int64(len(part))
	}
	return nil
}

// DataBytes is how much room a file takes.
func DataBytes(info os.FileInfo) int64 {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return info.Size()
	}
	const block = 512
	return stat.Blocks * block
}
