// Package snapshot reads LowEndInsight (LEI) snapshots, which are directories that hold the reports
// LEI made about source repositories up to a given date, and answers questions about them. It needs
// neither a registry nor a network; package leioci moves snapshots to and from registries.
//
// # The two files
//
// manifest.json ([ManifestFile]) is one JSON object ([RFC 8259]). It holds versions, times, the
// names of the repositories, and the counts, sizes and hash that the other file must match.
// [ReadMetadata] reads all but the names into [Metadata]; [Snapshot.Repos] has the names.
//
// cache.jsonl.gz ([CacheFile]) is gzip ([RFC 1952], one or more members) around JSON lines. Each
// line is one report, a JSON object such as
//
//	{"header":{"repo":"https://example.org/r", ...},"data":{"repo":"https://example.org/r","risk":"high", ...}}
//
// Member names are case-sensitive. This package looks only at a report's repository and risk;
// [Report.Raw] has the rest.
//
// # Asking
//
// [Snapshot.Risk] says what the risk of a repository is, [Snapshot.Risks] asks about several at
// once, [Snapshot.Find] has the reports on one, and [Snapshot.Summary] counts them all. What the
// snapshot does not know is told as such: see [Answer.Known] and [ErrUnknown]. Names are compared as
// [CanonicalRepo] spells them; [Answer] says which of several reports counts.
//
// [Snapshot.VerifiedRisks] is for who decides something by the answers: there are none unless the
// snapshot was verified, now or when its index was made. [Compare] goes through what two snapshots
// say about each repository.
//
// Without an index, each question reads the whole snapshot. [Index] makes one, while it verifies
// the snapshot, as a third file in the directory ([IndexFile]). A risk then takes microseconds, and
// a report less than a millisecond, whatever the number of reports; opening such a snapshot does
// not read manifest.json, and takes next to no memory. The answers are the same. [VerifyAndIndex]
// verifies even if there is an index, and [Snapshot.IndexIn] makes one elsewhere for a snapshot in
// a directory that is not to be written to.
//
// An index is bound to the two files by their sizes and digests. [Open] believes one if both files
// have the size, the times of modification and of change, and the inode number that they had when
// it was made. Where a system has no time of change, or a coarse one, that leaves content that was
// exchanged for some of the same size and time, and a disk may damage what no file system notices:
// [Snapshot.Verify] reads both files. In a directory that was copied, the first question compares
// the digests, each time it is opened; [Index] makes that unnecessary. Every part of an index has a
// checksum, and a report is compared with its own and with its repository's name. What is damaged,
// incomplete, of another snapshot or of another version is ignored, and the snapshot is read
// instead. All this is about damage and mistakes: whoever can write to the directory can write
// another snapshot.
//
// # Reading
//
// [Open] opens both files of a directory together, so they belong to the same snapshot even if the
// directory is being replaced by a newer one. An open [Snapshot] keeps reading the files it opened;
// to see a newer snapshot, open the directory again.
//
// [Snapshot.Reports] iterates over the reports, starting at the first each time it is ranged over.
// [Snapshot.Lookup] yields those of one repository, whose name it compares byte for byte.
//
// Every error of an iteration has a [*LineError] in its chain, which names the line. A line that is
// not a report is [ErrMalformed], and the iteration continues after it. Any other error ends the
// iteration: [ErrCorrupt] for a damaged or incomplete file, [ErrTooLarge] for a line over the
// limit, [ErrMismatch] for more content than manifest.json states, the context's cause, or a file
// system error. Reports yielded before such an error came from a file that proved bad: gzip's
// checksum follows the data it covers.
//
// [Snapshot.Files] has the two files as they are, for copying them.
//
// # Verifying
//
// [Snapshot.Verify] reads everything once and compares it with manifest.json: the number of lines,
// both sizes and the content hash. It detects damage, not forgery: whoever can change one file can
// change the other. It ignores the names in manifest.json, which the content hash does not
// cover. [Snapshot.VerifySummary] counts what the reports say in the same pass,
// [Snapshot.VerifiedRisks] looks for repositories in it, and [VerifyAndIndex] indexes.
//
// # Writing
//
// [Create] begins a new snapshot, [Writer.Add] and [Writer.AddFrom] add reports to it, from files
// in any of the forms in which they are found, and [Writer.Commit] puts it in place, as a whole.
// What is written is what the original client writes, byte for byte, but for the compression: its
// gzip has many members, which readers of RFC 1952 read as one stream.
//
// # Limits
//
// A snapshot may come from anywhere, so memory and work are limited. manifest.json may have up to
// [MaxManifestBytes] and is read in a stream; a string of it that is kept may have up to 1 MiB. A
// line may have up to [MaxLineBytes]. An iteration holds one line and some fixed-size buffers, and
// decompresses at most one byte more than the raw_size in manifest.json. It may be a few buffers
// ahead of what it has yielded. [Snapshot.Summary] names no repository of more than 1 KiB, but an
// [Answer] has a risk as long as a line may be, unless it is from VerifiedRisks.
//
// An index may take 16 MiB and 16 times the size of cache.jsonl.gz for its entries, and no report
// may be more than 64 MiB beyond a place where decompressing can begin: there is no index of what
// exceeds that ([ErrNotIndexed]), and it is read as without one. Making one takes some megabytes of
// memory, and a file of as many bytes as the entries until it is done.
//
// # Concurrency
//
// The methods of a Snapshot are safe for concurrent use, and so are several iterations at once:
// each has its own position in the file. One over a large file decompresses in a goroutine of its
// own, and [Snapshot.Verify] hashes in another; they have ended when the iteration has. Close the
// Snapshot after the last iteration and question. [Snapshot.IndexIn] is to be called before them.
//
// [RFC 1952]: https://www.rfc-editor.org/rfc/rfc1952
// [RFC 8259]: https://www.rfc-editor.org/rfc/rfc8259
package snapshot
