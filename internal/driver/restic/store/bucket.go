package store

import (
	"bytes"
	"context"
	"net/url"
	"strings"

	"github.com/soteria-dr/soteria/internal/backup"
	"github.com/soteria-dr/soteria/internal/driver/restic/cli"
	"github.com/soteria-dr/soteria/internal/objectstore"
)

// bucket is a repository in an S3 store.
type bucket struct {
	reading *objectstore.Reading
	// prefix is the repository's folder, "" or ending with a slash.
	prefix string
	// cuts are those of the folder of snapshots.
	cuts cuts
}

func openBucket(location cli.Location, credentials cli.Credentials, region string, observe Observer) (*bucket, error) {
	address, err := url.Parse(strings.TrimPrefix(location.Text, "s3:"))
	if err != nil {
		return nil, backup.Errorf(backup.Internal, "the address of the repository cannot be read")
	}
	name, prefix, _ := strings.Cut(strings.Trim(address.Path, "/"), "/")
	if prefix != "" {
		prefix += "/"
	}
	reading, err := objectstore.Config{
		Endpoint: address.Scheme + "://" + address.Host, Region: region, Bucket: name, Observe: observe,
		AccessKeyID: credentials[cli.KeyAccessKeyID], SecretAccessKey: credentials[cli.KeySecretAccessKey],
	}.OpenWithOwnKeys()
	if err != nil {
		return nil, err
	}
	return &bucket{reading: reading, prefix: prefix}, nil
}

func (b *bucket) names(ctx context.Context, folder string, each func(string)) error {
	cut := &cuts{}
	if folder == snapshots {
		cut = &b.cuts
	}
	names, err := b.list(ctx, b.prefix+folder+"/", cut)
	if err != nil {
		return err
	}
	for _, name := range names {
		each(name)
	}
	return nil
}

func (b *bucket) config(ctx context.Context) ([]byte, error) {
	var read bytes.Buffer
	if err := b.reading.Copy(ctx, &read, b.prefix+"config", 0, maxConfig+1); err != nil {
		return nil, b.reading.Explain(err, "")
	}
	return read.Bytes(), nil
}

func (b *bucket) close() { b.reading.Close() }
