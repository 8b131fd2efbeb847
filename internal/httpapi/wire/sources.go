package wire

import "embed"

// Sources is the source code of this package: what its comments say of the types
// is what the API's own document says of them.
//
//go:embed *.go
var Sources embed.FS
