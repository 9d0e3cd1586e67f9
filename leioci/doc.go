// Package leioci pushes LowEndInsight (LEI) cache artifacts to OCI registries and pulls them back.
//
// LEI analyses open-source repositories for risk. A publisher packs the reports of a day into a
// snapshot, which is a directory with two files, and pushes it to an OCI registry under the tags of
// that day. Services, CI jobs and air-gapped sites pull it and base decisions on it. Package
// [github.com/lowendinsight/lei-go/leioci/snapshot] reads what was pulled.
//
// The contract is that of the original Elixir client, five functions of Lei.Cache.OCIClient:
// generate_tags, parse_reference, push, pull_manifest and pull_blob. This package brings it to
// go-containerregistry: references, images and layers are that library's types, so anything that
// uses them works with this package.
//
// # Getting started
//
// Make a [Client] once and keep it. To publish, open and verify a directory ([snapshot.Open]), call
// [PackageSnapshot], and push the result with [Client.PushSnapshot] under the tags that
// [GenerateTags] gives for the snapshot's date. To consume, call [Client.PullSnapshot].
//
// Programs that handle manifests and blobs themselves use the contract's other functions:
// [Client.Push], [Client.PullManifest] and [Client.PullBlob]. [Client.Image] and [Unpack] connect
// to go-containerregistry and OCI layouts.
//
// [Client.Copy] carries an artifact, with what refers to it, between registries, OCI image layouts
// and archives of them, for example across an air gap. [Client.PullFrom] and [Client.PushTo] take
// any such [Location], and [Client.Open] reads one.
//
// # References and tags
//
// A reference is [oci://]registry/repository[:tag][@digest]. The first segment is always the
// registry ([ParseReference]).
//
// A snapshot of 2026-02-08 gets the tags 2026-02-08, latest and, because that is a Sunday, weekly.
// By convention, a tag that is a date names one snapshot forever, and all other tags move. Neither
// registries nor this package enforce that: a push uses whatever tags it is given. With
// [NoOverwrite], it changes none that there is.
//
// # The artifact
//
// An LEI artifact is an image manifest as defined by the [OCI image specification], with media type
// application/vnd.oci.image.manifest.v1+json and no artifactType:
//
//	config   application/vnd.lei.cache.config.v1+json   {"lei_version","format_version","created","cache_entries"}
//	layer    application/vnd.lei.cache.manifest+json    manifest.json, the snapshot's metadata
//	layer    application/vnd.lei.cache.jsonl+gzip       cache.jsonl.gz, the reports
//
// A snapshot has exactly one layer of each of the two types, in any order. Other layers are
// ignored, and the config's type is not checked. A layer's media type decides which file it
// becomes; no file name is ever taken from a registry.
//
// # Guarantees
//
// Verified: size and digest are checked before content appears in a directory and before a reader
// returns io.EOF ([ErrVerification]). Size limits apply before anything is read ([ErrTooLarge]).
// Whether the reports themselves are complete and well-formed is a separate question, which
// [snapshot.Snapshot.Verify] answers. Publishers should call it before [PackageSnapshot], because a
// registry accepts anything; a pull calls it if given [VerifyReports].
//
// Atomic: even after a crash, a full disk or a canceled context, a directory holds either the
// complete old snapshot or the complete new one. On Linux and macOS, one system call exchanges the
// two. Elsewhere, and on file systems without that call, the directory is absent for a moment
// between two renames. A directory that came with a container's image can only be removed file by
// file, the first time; a crash in the middle of that leaves some of its files, or none, and the
// next pull mends it. Files and directories are flushed to disk first. A directory that is neither
// absent, nor empty, nor an earlier snapshot is left alone ([ErrTargetNotEmpty]). A mount point
// cannot be exchanged and is refused; use a directory inside it. Concurrent pulls into one
// directory wait for each other, even across processes, where files can be locked; elsewhere one of
// them may fail.
//
// Nothing fetched twice: if the directory is already up to date, a pull is a single request. If
// not, it fetches only the blobs that the directory does not have. An interrupted pull resumes
// where it stopped, even in another process. What was downloaded by a pull that failed, for
// whatever reason, is kept beside the directory, as .leioci-partial-…, until a pull into it
// succeeds. It is safe to delete. Of a blob that came in several ranges ([WithConcurrency]) there
// may be several such files, the ranges among them.
//
// One digest: a tag is resolved once. Everything after that uses the digest, and the result reports
// it. With mirrors, it is resolved again if the snapshot of one is refused, or incomplete.
//
// Reproducible: packaging a directory twice gives the same digest, because every time in the
// artifact comes from the snapshot.
//
// Ordered: a push uploads the blobs, then sets the first tag, then the others. A tag such as
// "latest" does not move to an older snapshot unless that is allowed, neither in a registry nor in
// a directory that follows it ([ErrOlder]). A snapshot dated later than tomorrow, which would hold
// up all others, is refused ([ErrFuture]). A push that failed half-way is completed by the same
// push, even where tags are immutable.
//
// Bounded: memory use does not grow with the size of a blob, of manifest.json or of what a server
// sends, and every wait ends with the context.
//
// # Trust and freshness
//
// A digest proves that content is what a tag named. It does not say who published it, nor that it
// is the newest: a stolen token, a stale mirror or a frozen proxy serves what it likes, with
// digests that match. [WithVerifier] accepts only what somebody trusted has signed, and
// [ValidUntil] lets a publisher say, under that signature, how long a snapshot is good.
//
// When: a [Verifier] is asked after an artifact's manifest was fetched, and before the first
// request for a blob of it. Its [Subject] has the location that was asked for, the manifest and the
// digest computed from it. It reads the manifests that refer to the artifact, tags and blobs where
// the artifact is, or at one of the mirrors, by the same session and within the same limits. An
// error, no signature, or no answer before the context ends is [ErrUntrusted], and then nothing is
// written. All verifiers, those of the client and those of the call, must trust the artifact. A
// mirror with an artifact that is not trusted is passed over.
//
// Keys: [VerifyKey] trusts what one of some public keys has signed, and [VerifyAllKeys] what all of
// them have. They read what "cosign sign --key" attaches: sigstore bundles (cosign 3), found by the
// referrers API and by its fallback tag, and simple signing (cosign 2). Neither needs a network
// beyond the artifact's own registry, or any at all for a layout or an archive. For identities
// without keys, module github.com/lowendinsight/lei-go/leioci/sigstore has a Verifier, and any type
// can be one.
//
// Policies: [ReadPolicy] reads a file that says for each repository whose signatures count and how
// old a snapshot may be, and [WithPolicy] applies it. What no rule is for is not trusted.
//
// What is remembered: a pull notes in the directory (oci-verified.json) which artifact was trusted,
// under which policy ([PolicyVerifier]) and from which place, and who signed it. So a repeated pull
// is still one request, and [Held] needs none. Under any other policy, such as one without a key
// that was withdrawn, and from any other place, what the directory holds is verified anew.
//
// Freshness: a pull refuses a snapshot after its [ValidUntil] with [ErrStale], wherever it comes
// from. [ClockAllowance] is for machines whose clocks may be ahead. [MaxAge] is the consumer's own
// limit, for publishers who say nothing. [NextUpdate] tells [Client.Watch] when to look again.
//
// Not protected: a signature covers a digest, and no name. What a key has signed is trusted in
// every repository and under every tag, so use one key for one kind of artifact. Until its
// ValidUntil, an older snapshot that is properly signed can be served as the newest to whoever has
// none yet; a directory that has a newer one refuses it ([ErrOlder]). There is no revocation:
// withdraw a key from those that you give. Transparency logs are not consulted for keys.
// [Client.PullBlob] and the methods of [Repository] ask no verifier, and nor does what reads a
// directory. Whoever can write to the directory, or set the clock, is trusted. Whether the reports
// are right is no question of signatures.
//
// # Credentials
//
// The first of these that has credentials is used:
//
//  1. [WithAuth] or [WithToken] for the registry
//  2. the keychain given with [WithKeychain], or else [DefaultKeychain], which documents the files
//     and credential helpers that it reads and their order
//  3. none: access is anonymous
//
// If a credential helper is missing, fails or hangs, a push fails; a pull logs a warning and
// continues without credentials. If the registry rejects stored credentials, they are looked up
// again. If that does not help, a pull tries without credentials, and logs a warning if that works.
// [ErrUnauthorized] says what was tried and how to log in.
//
// A registry is shown credentials only if it asks for them. The first request to a repository is
// sent without; where it is not answered with what was wanted, and not with a challenge either, a
// registry may hide what there is (403, 404, 410): if there are credentials, it is then asked how to
// authenticate, once, and the request is repeated with them. So what everybody may read is read
// without them, even if they are wrong.
//
// Supported are basic authentication, tokens (the [distribution token specification], by GET and by
// OAuth2's POST, with passwords and identity tokens) and a registry's own bearer tokens. A token
// that expires during a transfer is renewed.
//
// Credentials are sent to the registry they belong to and to its token server, never to a host that
// it redirects to. They are sent over https only, with two exceptions: this machine (loopback
// addresses and names under localhost), without a proxy, and the registries of [WithPlainHTTP], for
// which https is never used. Anything else fails with [ErrInsecure] before the request is sent. If
// a registry on a loopback or private address (RFC 1918), or one of a reference made with
// name.Insecure, does not answer over https, anonymous access continues over http, as in
// go-containerregistry, and logs a warning unless it is one of these exceptions. This machine is
// asked over http first, and over https if that does not answer at once. Apart from the exceptions,
// what a registry says over http never leads to a token or a password being sent. [WithHTTPSOnly]
// and [WithTLS] refuse http altogether.
//
// The certificates of [WithTLS] are different: any server that requests one gets it, a storage or a
// token server included. Their keys are sent to nobody.
//
// No error and no log line shows credentials. If a server repeats those that the client sent
// lately, in any of the usual encodings, they are removed. This holds for the error that a function
// returns; those in its chain ([errors.Unwrap], [errors.As]) may have texts that show more.
//
// A token server may replace an identity token at each use. The client keeps the replacement for as
// long as it lives, for all repositories of the registry, unless the context ends while it comes.
//
// # Unreliable networks
//
// Failed connections and transient responses (408, 429, 502, a CDN's 522 and others; see
// [RetryPolicy]) are retried by one policy, up to five attempts ([WithRetry]). Retry-After is
// honored up to one minute; beyond that, the error is a [*RateLimitError].
//
// An interrupted download resumes at its last byte with an HTTP range request (RFC 9110, section
// 14), a fresh token and a fresh signed URL. If ranges are refused, the whole is requested once,
// and what is there already is skipped. If the result does not match the digest, the whole blob is
// fetched once more. An upload is always restarted from the beginning.
//
// A request that transfers nothing for 30 seconds is aborted ([WithStallTimeout], [ErrStalled]).
// One that makes progress is never aborted, however slow it is.
//
// At most ten redirects are followed. A redirect is refused if it leads from https to http, if it
// would turn an upload into another kind of request, or if it leads to an address that is neither
// public nor the registry's own ([WithPrivateRedirects]). If a storage that a registry redirects to
// refuses, that is not taken for a refusal of the credentials, and the message says who refuses.
//
// # Errors
//
// An error says what was being done, to which reference, and why it failed. Find its kind with
// [errors.Is] and one of the Err variables. With [errors.As], find a registry's response
// ([*transport.Error], of github.com/google/go-containerregistry/pkg/v1/remote/transport) and what
// a failed push left behind ([*PushError]).
//
// # Keeping a directory current
//
// [Client.Watch] pulls repeatedly, and yields what changed: shortly after the next snapshot is due,
// if the publisher says when ([NextUpdate]), or else about once an hour. It spreads the first pulls
// of programs that are started together, so open what the directory already holds before calling
// it. [WithMirrors] names mirrors of a repository, which are tried first; a mirror whose content
// does not match the digest is skipped. [MaxAge] refuses snapshots that are too old. A program that
// reads the directory while it is updated should use [snapshot.Open]: it never mixes the files of
// two snapshots, and an opened snapshot stays readable.
//
// Every change puts a new directory in the old one's place. A container that reads /srv/lei/cache
// must therefore mount its parent (docker run -v /srv/lei:/lei:ro) and open /lei/cache. If it
// mounts the directory itself (docker run -v /srv/lei/cache:/lei:ro, or a Kubernetes subPath), it
// keeps the old directory, which is empty after the next change. For the same reason, a volume
// cannot be pulled into, only a directory inside it.
//
// # Serving a site
//
// A pull keeps the whole artifact: beside the snapshot's files, oci-manifest.json is its manifest
// and config.json its config. [NewDirectoryHandler] serves that to other machines, and [NewHandler]
// an OCI image layout or an archive, as a registry that is only read, under the same digests.
//
// # Stability
//
// The following is meant to stay: the wire format, the exported names of packages leioci and
// leioci/snapshot, the names of the files in a pulled directory, and the command's arguments, exit
// statuses and standard output. It follows semantic versioning: before v1, a minor version may
// change it, and the release notes then say how. Error texts, log lines, the command's standard
// error, hidden .leioci- files, package leiocitest and the example programs may change in any
// version, so branch on [errors.Is] and [errors.As], never on text.
//
// # go-containerregistry
//
// Some guards rely on how go-containerregistry works inside. They are tested with v0.22.1, and in
// CI with its newest release, because a program's own build may choose that.
//
// # Out of scope
//
// Analysing repositories, and signing. Signatures are separate manifests that refer to an
// artifact's digest. Signing tools, such as cosign, take the [name.Digest] that a push or a pull
// returns.
//
// [OCI image specification]: https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md
// [distribution token specification]: https://distribution.github.io/distribution/spec/auth/token/
package leioci
