// Package snapshot reads the snapshots of LowEndInsight (LEI): directories that hold the reports LEI made about source
// repositories up to one date. It needs neither a registry nor a network; package leioci moves snapshots to and from
// registries.
//
// # The two files
//
// manifest.json ([ManifestFile]) is one JSON object ([RFC 8259]): versions, times, the names of the repositories, and
// what the other file should hold. [ReadMetadata] reads it into [Metadata].
//
// cache.jsonl.gz ([CacheFile]) is gzip ([RFC 1952], of one or several members) around JSON lines: on each line one
// report, a JSON object such as
//
//	{"header":{"repo":"https://example.org/r", ...},"data":{"repo":"https://example.org/r","risk":"high", ...}}
//
// Member names are matched exactly, capital letters included. Of a report this package looks only at the repository
// and the risk; [Report.Raw] has the rest.
//
// # Reading
//
// [Open] opens both files of a directory together, so that they belong together even if the directory is being
// exchanged for a newer one. An open [Snapshot] goes on reading the files that it opened; to see a newer snapshot,
// open the directory again.
//
// [Snapshot.Reports] reads the reports one by one, from the first each time it is ranged over. [Snapshot.Lookup] gives
// those of one repository; there is no index, so it reads the whole file too.
//
// Every error of an iteration has a [*LineError] in its chain, which names the line. A line that is not a report is
// [ErrMalformed], and the reading goes on after it. Any other error is the last: [ErrCorrupt] for a damaged or
// incomplete file, [ErrTooLarge] for a line over the limit, [ErrMismatch] for more content than manifest.json says,
// the cause of the context's end, or the file system's own error. Reports that came before such an error were read
// from a file that proved bad: the checksum of gzip stands at the end of what it covers.
//
// # Verifying
//
// [Snapshot.Verify] reads everything once and compares it with manifest.json: the number of lines, both sizes and the
// content hash. It finds damage, not forgery: whoever can change one file can change the other. It takes no notice of
// [Metadata.Repos], which the content hash does not cover.
//
// # Bounds
//
// A snapshot may come from anywhere, so memory and work have limits. manifest.json is read up to [MaxManifestBytes];
// the list of its repositories may take several times that in memory. A line is read up to [MaxLineBytes]. An
// iteration holds one line and some fixed buffers, and takes no more content out of the gzip stream than the raw_size
// of manifest.json and one byte.
//
// # Concurrency
//
// The methods of a Snapshot may be used by several goroutines at once, several iterations included, each of which
// has its own place in the file. They start no goroutines. Close the Snapshot after the last iteration.
//
// [RFC 1952]: https://www.rfc-editor.org/rfc/rfc1952
// [RFC 8259]: https://www.rfc-editor.org/rfc/rfc8259
package snapshot
