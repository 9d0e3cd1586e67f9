// Command watch is a service that answers what risk a repository has, from a LowEndInsight snapshot that it keeps up to
// date. It is an example of the library's Watch, complete enough to be deployed.
//
//	go build -o lei-watch .
//	./lei-watch -ref ghcr.io/org/lei-cache:latest -dir /var/lib/lei/cache
//	curl 'http://127.0.0.1:8080/risk?repo=https://example.org/a'
//
// # Flags
//
// Each flag may be given as an environment variable too: LEI_WATCH_MAX_AGE is -max-age. A flag goes before its variable.
//
//	-ref         what to watch: registry/repository[:tag]; required
//	-dir         where the snapshot is kept; required
//	-listen      the address to serve on (default 127.0.0.1:8080; in a container :8080)
//	-interval    how often to look for a new snapshot (default 5m)
//	-max-age     /healthz fails if the snapshot's date is longer ago (default 72h; 0 for never)
//	-max-content how many bytes the reports of a snapshot may have, uncompressed (default 4294967296)
//	-plain-http  speak http, and only http, to the registry, credentials included
//	-ca-file     PEM file with further certificate authorities
//	-log-level   debug, info, warning or error (default info)
//
// Credentials are those of docker and podman; LEI_REGISTRY_TOKEN, if set, is a bearer token for the registry of -ref, and
// is sent to no other. Proxies come from HTTPS_PROXY and its like. The exit status is 0 after SIGINT or SIGTERM, 1 on
// failure, and 2 on wrong usage.
//
// The directory is replaced as a whole: it must be absent, empty, or an earlier snapshot, and no mount point. With a volume
// at /var/lib/lei, use /var/lib/lei/cache. Its parent must be writable; the service keeps a copy of the reports there,
// uncompressed, in a file without a name (on Windows: .lei-watch-*, which a killed process leaves behind).
//
// # What it answers
//
// GET /risk?repo=URL gives the reports about one repository, and the snapshot that they are from:
//
//	{"repo":"https://example.org/a",
//	 "snapshot":{"date":"2026-02-08","created":"2026-02-08T02:00:00Z","digest":"sha256:...","reports":200},
//	 "reports":[{"risk":"low","report":{...}}]}
//
// The name is compared byte for byte. The status is 404 if the snapshot does not have it, 400 if the request does not have
// one, and 503 before there is a snapshot. A report is as the snapshot has it. Where a failure makes an answer break off,
// the connection breaks off with it: what is complete is whole.
//
// GET /healthz is 200 while there is a snapshot that is not older than -max-age, and 503 otherwise. It says either way
// which snapshot that is, its age in seconds (from midnight UTC of its date, as -max-age counts), when the registry last
// said which snapshot is the newest, and the last error, until a look succeeds again:
//
//	{"status":"ok","snapshot":{...},"age_seconds":97200,"max_age_seconds":259200,"last_checked":"...",
//	 "last_error":{"time":"...","message":"..."}}
//
// It is meant for readiness. A process whose snapshot is old does not get better by being started again; for liveness, ask
// whether the port is open.
//
// GET /metrics is for Prometheus; all names begin with lei_watch_, beside those of the Go runtime and the process.
//
// There is neither TLS nor authentication: whoever reaches the port may ask. Put it behind what does that for your other
// services.
//
// # What it does with snapshots
//
// A new snapshot is verified (snapshot.Verify) and indexed before it is served. Then it takes the place of the old one in
// one step: a request is answered from the snapshot that it began with, which goes when its last request has been
// answered. One that does not verify is not served: the old one stays, /healthz and the log say why, and it is tried again
// at each interval. The directory holds the new one by then, so that a process started meanwhile has nothing to serve, and
// is not ready, until a good one has been published.
//
// An old snapshot is served, and not refused: its answers carry its date, and /healthz fails. A tag that is moved back to
// an older snapshot is not followed.
//
// What the directory holds at the start is served at once, whether the registry answers or not.
//
// # Size
//
// Memory does not grow with the reports' content but with their number: 100 to 200 bytes and the repository's name for
// each, and that twice while one snapshot takes the place of another. A snapshot whose index would be over 512 MiB, counted
// with 250 bytes for each, or whose content is over -max-content, is not served. The disk holds the directory and the copy
// of the reports, and both twice for a moment.
package main
