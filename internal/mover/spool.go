package mover

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"os"
)

// mostInMemory is how much of a spool is kept in memory, in bytes. Below it, a spool
// does not depend on there being room in its folder.
const mostInMemory = 4 << 20

// spool keeps lines, compressed: in memory as long as they are few, and in a file that
// has no name otherwise. Lines are added, then end is called, then they may be read.
type spool struct {
	// folder is where the file is made.
	folder string

	memory bytes.Buffer
	file   *os.File
	packed *flate.Writer
}

// add adds a line, which holds no line break.
func (s *spool) add(line []byte) error {
	if s.packed == nil {
		packed, err := flate.NewWriter(spoolWriter{s}, flate.BestSpeed)
		if err != nil {
			return err
		}
		s.packed = packed
	}
	if _, err := s.packed.Write(line); err != nil {
		return err
	}
	_, err := s.packed.Write([]byte{'\n'})
	return err
}

// end is called once all lines were added.
func (s *spool) end() error {
	if s.packed == nil {
		return nil
	}
	return s.packed.Close()
}

// each calls do for every line.
func (s *spool) each(do func(line []byte) error) error {
	if s.packed == nil {
		return nil
	}
	var from io.Reader = bytes.NewReader(s.memory.Bytes())
	if s.file != nil {
		if _, err := s.file.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("reading the list again: %w", err)
		}
		from = io.MultiReader(from, s.file)
	}
	return eachLine(flate.NewReader(from), do)
}

// close frees what the lines took. The spool may not be used any more.
func (s *spool) close() {
	if s.file != nil {
		_ = s.file.Close() // it has no name, and nothing of it is needed
	}
	s.memory, s.packed = bytes.Buffer{}, nil
}

// spoolWriter takes what is compressed.
type spoolWriter struct{ to *spool }

// Write implements [io.Writer].
func (w spoolWriter) Write(p []byte) (int, error) {
	s := w.to
	if s.file == nil && s.memory.Len()+len(p) <= mostInMemory {
		return s.memory.Write(p)
	}
	if s.file == nil {
		file, err := os.CreateTemp(s.folder, "listing-")
		if err != nil {
			return 0, fmt.Errorf("keeping the list: %w", err)
		}
		s.file = file
		if err := os.Remove(file.Name()); err != nil && !errors.Is(err, os.ErrNotExist) {
			return 0, fmt.Errorf("keeping the list: %w", err)
		}
	}
	n, err := s.file.Write(p)
	if err != nil {
		err = fmt.Errorf("keeping the list: %w", err)
	}
	return n, err
}
