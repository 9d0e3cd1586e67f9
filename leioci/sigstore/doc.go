// Package sigstore lets leioci trust what an identity has signed: a workflow or a person, rather
// than the holder of a key. It reads what "cosign sign" attaches to a snapshot when it is given no
// key, and verifies it with [sigstore-go]. For signatures by key, see [leioci.VerifyKey], which
// needs nothing of this package. It is a module of its own, so that the library alone does not
// bring sigstore-go.
//
// # What is trusted
//
// A trusted root, and one of the identities. The trusted root is a [file in JSON] with the
// certificates of an instance of Sigstore: its certificate authorities, its transparency logs and
// its timestamp authorities. The public instance publishes it, and "cosign trusted-root create"
// writes that of a private one. An artifact is trusted if a sigstore bundle of version 0.1 to 0.3
// refers to it, as cosign 3 attaches it, in which:
//
//   - the statement is cosign's signature, predicate https://sigstore.dev/cosign/sign/v1, of the
//     artifact's digest. An attestation by the same identity is no signature, nor is that of a file.
//   - the certificate is from an authority of the trusted root, names an [Identity], and was valid
//     when the signature was made.
//   - the certificate is in a certificate transparency log of the trusted root ([WithoutSCT]).
//   - the signature is in a transparency log of the trusted root ([WithoutTransparencyLog]). A bundle of
//     version 0.1 need not prove it: the log's signed promise is enough.
//   - the time of the signature is stated by the log, as Rekor version 1 does, or by a timestamp
//     authority (RFC 3161). Rekor version 2 states no time, and a timestamp must be with it. What
//     states the time must be valid at that time according to the trusted root.
//
// The older format of cosign 2, simple signing under the tag sha256-….sig, is read, too, if it is
// made with a certificate. It has no inclusion proof, either. As a referrer
// (--registry-referrers-mode=oci-1-1) it is not read, nor is anything in another repository
// (COSIGN_REPOSITORY). As the repository's name and the tag are not compared, a signature is valid
// where the artifact is copied to. At most 100 signatures of either format are looked at.
//
// # Offline
//
// Nothing is contacted but the place of the artifact: no log, no certificate authority, and no
// update server for the trusted root. A trusted root does not expire, but it knows only the keys of
// its day. When Sigstore changes one of them, what is signed from then on is refused until the file
// is replaced. Keep it as current as the rest of the configuration.
//
// [sigstore-go]: https://github.com/sigstore/sigstore-go
// [file in JSON]: https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_trustroot.proto
package sigstore
