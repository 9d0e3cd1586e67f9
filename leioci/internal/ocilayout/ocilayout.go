// Package ocilayout reads and writes [OCI image layouts]: directories that hold artifacts. The code
// for index.json, [Index], serves archives of layouts, too.
//
// [OCI image layouts]: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
package ocilayout
