package scrypt

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"

	"golang.org/x/crypto/salsa20/salsa" //nolint:staticcheck // scrypt is made of it, and no other package has it
)

// Params are the parameters of scrypt, as the RFC names them: the cost N, a power
// of two greater than one, and the block size R. The parallelization is 1.
type Params struct{ N, R int }

const (
	// blockSize is the size of what Salsa20/8 works on.
	blockSize = 64
	// kept is of how many rows of the table one is kept.
	kept = 8
)

// Key derives a key of size bytes.
func Key(password string, salt []byte, params Params, size int) ([]byte, error) {
	if params.N < 2 || params.N&(params.N-1) != 0 || params.R < 1 {
		return nil, fmt.Errorf("scrypt: the parameters %+v cannot be", params)
	}
	state, err := pbkdf2.Key(sha256.New, password, salt, 1, 2*params.R*blockSize)
	if err != nil {
		return nil, err
	}
	state = mix(state, params.N)
	return pbkdf2.Key(sha256.New, password, state, 1, size)
}

// mix is the RFC's scryptROMix.
func mix(x []byte, n int) []byte {
	y := make([]byte, len(x))
	next := func() {
		blockMix(y, x)
		x, y = y, x
	}
	table := make([]byte, 0, (n+kept-1)/kept*len(x))
	for i := range n {
		if i%kept == 0 {
			table = append(table, x...)
		}
		next()
	}
	row, spare := make([]byte, len(x)), make([]byte, len(x))
	for range n {
		j := int(binary.LittleEndian.Uint64(x[len(x)-blockSize:]) & uint64(n-1)) //nolint:gosec // both are less than n
		copy(row, table[j/kept*len(x):])
		for range j % kept {
			blockMix(spare, row)
			row, spare = spare, row
		}
		subtle.XORBytes(x, x, row)
		next()
	}
	return x
}

// blockMix is the RFC's scryptBlockMix with Salsa20/8.
func blockMix(out, in []byte) {
	var x [blockSize]byte
	copy(x[:], in[len(in)-blockSize:])
	half := len(in) / 2
	for i := 0; i*blockSize < len(in); i++ {
		subtle.XORBytes(x[:], x[:], in[i*blockSize:(i+1)*blockSize])
		salsa.Core208(&x, &x)
		at := i / 2 * blockSize
		if i%2 == 1 {
			at += half
		}
		copy(out[at:], x[:])
	}
}
