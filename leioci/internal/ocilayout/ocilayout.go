// Package ocilayout reads and writes [OCI image layouts]: directories that hold artifacts. The code
// for index.json, [Index], serves archives of layouts, too.
//
// # Reading
//
// A layout may come from anybody. Blobs count if size and digest are right. Only regular files are
// opened, and no symbolic link leads out of the directory. index.json is read again when it has
// changed, so a [Layout] may be open for long, while others write to the directory, or put another
// in its place.
//
// # Writing
//
// go-containerregistry's package layout writes index.json in place, so that a crash leaves it empty,
// and two processes that write to one layout lose each other's entries. It believes a blob of the
// right size, too. What it defines is used here: digests and descriptors. Writing is done anew:
//
//   - Blobs come first. Each is written beside the others, in the directory .leioci-ingest, is
//     flushed, and then takes its name. One that is there already is verified.
//   - The file oci-layout comes after them, in a new layout, and makes it one.
//   - index.json comes last, under a lock. It is read again, merged with what was put, written
//     beside the old one, flushed, and renamed.
//   - The names of the blobs are flushed before index.json is, and the name of that before [Writer.Commit]
//     returns.
//
// So a layout is valid whenever its writer is killed, and has either nothing of what it put, or all.
// The blobs that a killed writer has left are used by the next, and what it has left of one is
// continued. Files in .leioci-ingest are locked while they are in use. The others are removed by the
// next [Writer.Commit].
//
// [OCI image layouts]: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md
package ocilayout
