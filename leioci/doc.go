// Package leioci pushes and pulls LowEndInsight (LEI) cache artifacts.
//
// LEI analyses open-source repositories for risk. A publisher packs the reports of a day into a snapshot, a directory
// with two files, and pushes it to an OCI registry under the tags of that day. Services, CI jobs and air-gapped sites
// pull it and decide on it. The contract is that of the original client, five functions of Lei.Cache.OCIClient in Elixir:
// generate_tags, parse_reference, push, pull_manifest and pull_blob. This package translates it onto go-containerregistry:
// references, images and layers are that library's types, and whatever speaks them works with this package. Package
// [github.com/lowendinsight/lei-go/leioci/snapshot] reads what was pulled.
//
// # Using it
//
// Make a [Client] once and keep it. To publish, [Package] a directory and [Client.PushSnapshot] it under the tags that
// [GenerateTags] gives; to consume, [Client.PullSnapshot] into a directory. [Client.Push], [Client.PullManifest] and
// [Client.PullBlob] are the contract's other functions, for programs that handle manifests and blobs themselves.
// [Client.Image] and [Unpack] connect to go-containerregistry and OCI layouts.
//
// # References and tags
//
// A reference is [oci://]registry/repository[:tag][@digest]; the first segment is always the registry ([ParseReference]).
// A snapshot of 2026-02-08 has the tags 2026-02-08, latest and, as that is a Sunday, weekly. By
// convention, a tag that is a date names one snapshot for good, and the others move. Registries do not enforce it, and
// neither does this package: it pushes what it is given under the tags it is given.
//
// # The artifact
//
// An artifact is an image manifest by the [OCI image specification], with media type
// application/vnd.oci.image.manifest.v1+json and without artifactType:
//
//	config   application/vnd.lei.cache.config.v1+json   {"lei_version","format_version","created","cache_entries"}
//	layer    application/vnd.lei.cache.manifest+json    manifest.json, the snapshot's metadata
//	layer    application/vnd.lei.cache.jsonl+gzip       cache.jsonl.gz, the reports
//
// A snapshot has exactly one layer of each of the two types, in any order. Other layers are ignored, and the config's
// type is not looked at. Which file a layer becomes is told by its media type; no name comes from a registry.
//
// # What is guaranteed
//
// Verified: no byte appears in a directory, and no reader reaches io.EOF, before size and digest match ([ErrVerification]).
// Sizes are bounded before anything is read ([ErrTooLarge]). That the reports themselves are whole and well-formed is what
// [snapshot.Snapshot.Verify] checks; a publisher calls it before a push, as a registry takes anything, and a pull does with
// [VerifyReports].
//
// Atomic: after a crash, a full disk or an ended context, a directory holds the whole old snapshot or the whole new one.
// On Linux and macOS the two are exchanged by one system call; elsewhere, and on file systems that cannot, the directory
// is absent for the moment between two renames. Files and directories are flushed to the disk first. A directory that is
// neither absent, nor empty, nor an earlier snapshot is not touched ([ErrTargetNotEmpty]). A mount point cannot be
// exchanged and is refused; use a directory inside it. Pulls into one directory at once wait for each other, across
// processes, where a directory can be locked (Linux, macOS); elsewhere one of them may fail.
//
// Nothing fetched twice: a pull of what a directory holds already is one request; of what changed, only the blobs are
// fetched that the directory does not have; a pull that was interrupted goes on where it stopped, in another process too.
// What has come so far is kept beside the directory, as .leioci-partial-…, until a pull into it succeeds; it may be deleted.
//
// One digest: a tag is resolved once, everything after uses the digest, and the result names it.
//
// Reproducible: packaging a directory twice gives the same digest, because every time in it is the snapshot's own.
//
// Ordered: the blobs come first, then the first tag, then the others, and "latest" does not move to an older snapshot
// unless asked, neither in a registry nor in a directory ([ErrOlder]).
//
// Bounded: memory does not grow with a blob, and every wait ends with the context.
//
// # Credentials
//
// They are looked for in this order, and the first that are found are used:
//
//  1. those given for a registry with [WithAuth] or [WithToken]; the command gives LEI_REGISTRY_TOKEN to the registry that is named
//  2. the keychain of [WithKeychain], or else [DefaultKeychain]: the file that REGISTRY_AUTH_FILE names; DOCKER_AUTH_CONFIG;
//     docker's configuration; podman's. In each, the entry with the longest path that matches, and credential helpers
//     before what is written down
//  3. none: access is anonymous
//
// "leioci auth explain REF" prints what each place has. A credential helper runs under the caller's context and for at most 30
// seconds. One that is missing, fails or hangs is an error of a push; a pull logs a warning and goes on without credentials.
// Stored credentials that the registry refuses are looked for again, and then a pull is tried without, and warns if that
// helps. [ErrUnauthorized] says what was tried, and how to log in.
//
// Basic authentication, tokens (the [distribution token specification], by GET and by OAuth2's POST, with passwords and
// identity tokens) and a registry's own bearer tokens are understood. A token that expires during a transfer is renewed.
//
// Credentials go to the registry they belong to and to its token server, and to no host that it redirects to. They are sent
// over https, or over http to a loopback address, without a proxy, and to the registries of [WithPlainHTTP], which are never
// asked over https; anything else is [ErrInsecure] before it leaves. A registry on a loopback or private address (RFC 1918)
// that does not answer over https is spoken to over http, as go-containerregistry does, but not with credentials.
//
// With an identity token whose server hands out new refresh tokens, go-containerregistry v0.22.1 writes the new one without
// a lock when a token expires: then, give the client [WithConcurrency] of 1, and do not share it between goroutines.
//
// # Networks that fail
//
// Connections that fail and answers that pass (408, 429, 502, a CDN's 522 and others; see [RetryPolicy]) are tried again, up to
// five times, by one policy ([WithRetry]); Retry-After is obeyed up to a minute, and beyond that the error is a
// [*RateLimitError]. A download that breaks off goes on from its last byte by an HTTP range (RFC 9110, section 14), with a fresh
// token and a fresh signed URL; where ranges are refused, the whole is asked for, and what is there already is skipped. If the
// whole then does not have its digest, it is fetched once more from its beginning. An upload is sent again as a whole. A request
// on which nothing moves for 30 seconds is given up ([WithStallTimeout], [ErrStalled]); one that moves is never cut, however slow
// it is.
//
// At most ten redirects are followed, none from https to http, none by which an upload would turn into something else, and
// none to an address that is not public, unless the registry itself is there ([WithPrivateRedirects]). What a storage refuses to
// which a registry redirects is not taken for a refusal of the credentials, and the message says who refuses.
//
// # Errors
//
// An error says what was being done, to which reference, and why it failed. Its kind is found with [errors.Is] and one of
// the Err variables; a registry's answer with [errors.As] and [*transport.Error], of
// github.com/google/go-containerregistry/pkg/v1/remote/transport; what a failed push left behind with errors.As and
// [*PushError].
//
// # Keeping a directory current
//
// [Client.Watch] pulls again and again, and yields what changed. [WithMirrors] names other places for what a repository
// holds, which are asked first; all of them serve the same digest, or are passed over. [MaxAge] refuses a snapshot whose
// date is too long ago. A program that reads the directory meanwhile opens it with [snapshot.Open], which never sees one
// file of each of two snapshots, and keeps what it has opened.
//
// # What is not here
//
// Analysing repositories, and signing. Signatures are other manifests that refer to an artifact's digest; the tools that
// make and check them take the [name.Digest] that a push or a pull returns.
//
// [OCI image specification]: https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md
// [distribution token specification]: https://distribution.github.io/distribution/spec/auth/token/
package leioci
