// Command watch is a service that looks up the risk of a repository in a LowEndInsight snapshot,
// which it keeps up to date. It is an example of the library's Watch, complete enough to deploy.
//
//	go build -o lei-watch .
//	./lei-watch -ref ghcr.io/org/lei-cache:latest -dir /var/lib/lei/cache
//	curl 'http://127.0.0.1:8080/risk?repo=https://example.org/a'
//
// # Flags
//
// Each flag can also be set by an environment variable: LEI_WATCH_MAX_AGE sets -max-age. The flag
// takes precedence.
//
//	-ref         what to watch: registry/repository[:tag]; required
//	-dir         where to keep the snapshot; required
//	-listen      the address to serve on (default 127.0.0.1:8080; in a container :8080)
//	-interval    how often to check for a new snapshot (default 5m)
//	-max-age     /healthz fails if the snapshot's date is longer ago (default 72h; 0 for never)
//	-max-content limit on a snapshot's uncompressed reports, in bytes (default 4294967296)
//	-plain-http  use http, never https, for the registry; credentials are sent unencrypted
//	-ca-file     PEM file with additional certificate authorities
//	-log-level   debug, info, warning or error (default info)
//
// Credentials are those of docker and podman. LEI_REGISTRY_TOKEN, if set, is a bearer token for the
// registry of -ref, and is sent to no other. Proxies come from HTTPS_PROXY and the related
// variables. The exit status is 0 after SIGINT or SIGTERM, 1 on failure, and 2 on wrong usage.
//
// The directory is replaced as a whole. It must be absent, empty, or an earlier snapshot, and not a
// mount point: with a volume at /var/lib/lei, use /var/lib/lei/cache. Its parent must be writable.
// The service keeps an uncompressed copy of the reports there, in an unlinked file (on Windows:
// .lei-watch-*, which a killed process leaves behind).
//
// # HTTP endpoints
//
// GET /risk?repo=URL returns the reports on one repository, and the snapshot they come from:
//
//	{"repo":"https://example.org/a",
//	 "snapshot":{"date":"2026-02-08","created":"2026-02-08T02:00:00Z","digest":"sha256:...","reports":200},
//	 "reports":[{"risk":"low","report":{...}}]}
//
// Names are compared byte for byte. The status is 404 if the snapshot has no report on the
// repository, 400 if the request does not name one, and 503 until there is a snapshot. Reports are
// returned unchanged. If a failure cuts a response short, the connection is closed with it, so a
// response that ends normally is complete.
//
// GET /healthz returns 200 while there is a snapshot no older than -max-age, and 503 otherwise.
// Either way it reports the snapshot in use, its age in seconds (from midnight UTC of its date, as
// for -max-age), when the registry last answered which snapshot is newest, and the last error,
// until a check succeeds again:
//
//	{"status":"ok","snapshot":{...},"age_seconds":97200,"max_age_seconds":259200,"last_checked":"...",
//	 "last_error":{"time":"...","message":"..."}}
//
// Use it as a readiness probe. Restarting a process does not make its snapshot newer; for liveness,
// check whether the port is open.
//
// GET /metrics is for Prometheus. All names begin with lei_watch_, apart from those of the Go
// runtime and the process.
//
// There is neither TLS nor authentication: anyone who can reach the port can query it. Put it
// behind whatever provides both for your other services.
//
// # Snapshots
//
// A new snapshot is verified (snapshot.Verify) and indexed before it is served. It then replaces
// the old one atomically. Each request is answered from the snapshot it started with, which is
// released after its last request.
//
// A snapshot that does not verify is not served. The old one stays, /healthz and the log say why,
// and the service retries at each interval. The directory already holds the bad snapshot, so a
// process started in the meantime has nothing to serve, and is not ready, until a good one is
// published.
//
// An old snapshot is still served: its responses carry its date, and /healthz fails. If a tag is
// moved back to an older snapshot, the service does not follow it.
//
// At startup, the service immediately serves what the directory holds, whether or not the registry
// answers.
//
// # Size
//
// Memory grows with the number of reports, not with their content: 100 to 200 bytes plus the
// repository's name for each, and twice that while one snapshot replaces another. A snapshot is not
// served if its index would exceed 512 MiB, at an estimated 250 bytes for each report, or if its
// content exceeds -max-content. The disk holds the directory and the copy of the reports, and
// briefly two of each.
package main
