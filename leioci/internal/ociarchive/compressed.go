package ociarchive

import (
	"bytes"
	"fmt"
	"io"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// checkUncompressed returns an error for a file that is compressed. Its blobs could only be read
// one after the other.
func checkUncompressed(r io.ReaderAt, path string) error {
	begin := make([]byte, 6)
	n, err := r.ReadAt(begin, 0)
	if err != nil && err != io.EOF {
		return err
	}
	for _, kind := range []struct{ name, begin, program string }{
		{"gzip", "\x1f\x8b", "gzip -dk"},
		{"zstd", "\x28\xb5\x2f\xfd", "zstd -dk"},
		{"xz", "\xfd7zXZ\x00", "xz -dk"},
		{"bzip2", "BZh", "bzip2 -dk"},
	} {
		if bytes.HasPrefix(begin[:n], []byte(kind.begin)) {
			return fmt.Errorf("%w: the archive is compressed with %s; decompress it first: %s %q",
				errdef.ErrUnsupportedManifest, kind.name, kind.program, path)
		}
	}
	return nil
}
