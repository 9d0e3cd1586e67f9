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
//	-interval    how often to check for a new snapshot (default 1h)
//	-first-look  spread the first check over this time if there is a snapshot to serve; negative for
//	             at once (default -interval, at most 1h)
//	-allow-older follow a tag that is moved back to an older snapshot
//	-max-age     /healthz reports the snapshot as stale if its date is longer ago (default 72h; 0 for
//	             never)
//	-max-content limit on a snapshot's uncompressed reports, in bytes (default 4294967296)
//	-plain-http  use http, never https, for the registry; credentials are sent unencrypted
//	-ca-file     PEM file with additional certificate authorities
//	-policy      JSON file that says whose signatures are needed, for each repository; leioci.ReadPolicy
//	             describes it
//	-log-level   debug, info, warning or error (default info)
//
// Credentials are those of docker and podman. LEI_REGISTRY_TOKEN, if set, is a bearer token for the
// registry of -ref, and is sent to no other. Proxies come from HTTPS_PROXY and the related
// variables. The exit status is 0 after SIGINT or SIGTERM, 1 on failure, and 2 for wrong usage and
// a configuration that cannot work: at startup, an invalid -ref, -listen, -policy or -ca-file, a
// -dir that cannot be replaced or whose parent is not writable, and, if there is no snapshot to
// serve, credentials that would have to be sent unencrypted. Nothing else that goes wrong with the
// registry or a snapshot ends the process: it keeps trying. The log is on standard error, a JSON
// object on each line.
//
// The directory is replaced as a whole. It must be absent, empty, or an earlier snapshot, and not a
// mount point: with a volume at /var/lib/lei, use /var/lib/lei/cache. Its parent must be writable.
// A container that reads the directory, too, has to mount the volume: a mount of the directory
// itself (docker run -v /var/lib/lei/cache:/lei:ro, or a Kubernetes subPath) keeps the old one,
// which is empty after the next pull.
//
// The directory has the snapshot's index, too (snapshot.IndexFile). The service keeps the snapshot
// open that it serves. Windows does not replace a directory with open files, so there it serves one
// snapshot until it is restarted.
//
// # HTTP endpoints
//
// GET /risk?repo=URL returns the reports on one repository, and the snapshot they come from:
//
//	{"repo":"https://example.org/a",
//	 "snapshot":{"date":"2026-02-08","created":"2026-02-08T02:00:00Z","digest":"sha256:...","reports":200},
//	 "reports":[{"risk":"low","report":{...}}]}
//
// A name may be written in any way that snapshot.CanonicalRepo knows: git@example.org:a is the same
// repository. The status is 404 if the snapshot has no report on the repository, and the response
// says so, 400 if the request does not name one, and 503 until there is a snapshot. Reports are
// returned unchanged. If a failure cuts a response short, the connection is closed with it, so a
// response that ends normally is complete.
//
// POST /risk answers about several repositories at once, up to 1000 in a megabyte, in their order.
// The risk is that of the newest report, or the worst if names are spelled differently:
//
//	curl -d '{"repos":["https://example.org/a","git@example.org:b"]}' http://127.0.0.1:8080/risk
//	{"snapshot":{...},"unknown":1,
//	 "answers":[{"repo":"https://example.org/a","known":true,"risk":"low","reports":1},
//	            {"repo":"git@example.org:b","known":false,"reports":0}]}
//
// Its status is 200 even if none of them is known: look at "unknown". It is 413 for too many, and
// 400 if anything follows the object.
//
// GET /summary counts the reports for each risk, and names the riskiest repositories.
//
// GET /livez returns 200 while the process responds. Use it as a liveness probe.
//
// GET /readyz returns 200 while there is a snapshot to serve, however old, and 503 otherwise. Use
// it as a readiness probe. It does not depend on the age of the snapshot, which is the same in
// every replica: they would all stop serving when the publisher stops publishing.
//
// GET /healthz is for people and monitoring. It returns the status of /readyz and reports the
// snapshot in use, its age in seconds (from midnight UTC of its date, as for -max-age), when the
// registry last answered which snapshot is newest, and the last error, until a check succeeds
// again:
//
//	{"status":"ok","snapshot":{...},"age_seconds":97200,"max_age_seconds":259200,"last_checked":"...",
//	 "signed_by":["sha256:..."],"valid_until":"...","next_update":"...","last_error":{"time":"...","message":"..."}}
//
// signed_by is there with -policy. valid_until and next_update are there if the publisher says so,
// and a check has succeeded. The status is "ok", "stale" for a snapshot that is older than -max-age
// or that its publisher says is good no longer, or "no snapshot". Alert on "stale", or on the
// metrics lei_watch_snapshot_age_seconds and lei_watch_last_checked_timestamp_seconds.
//
// GET /metrics is for Prometheus. All names begin with lei_watch_, apart from those of the Go
// runtime and the process.
//
// There is neither TLS nor authentication: anyone who can reach the port can query it. Put it
// behind whatever provides both for your other services.
//
// # Snapshots
//
// A new snapshot is verified and indexed (leioci.IndexReports) before it replaces the old one, which
// it does atomically. Each request is answered from the snapshot it started with, which is
// released after its last request.
//
// A snapshot that does not verify replaces nothing: neither what is served nor what the directory
// holds, so a restart serves the same. /healthz and the log say why, and the service checks again
// at each interval.
//
// An old snapshot is still served: its responses carry its date, and /healthz says that it is
// stale. If a tag is moved back to an older snapshot than the directory holds, the service does not
// follow it, since a stale mirror looks the same, and says so. -allow-older makes it follow. It is
// not needed after a bad snapshot was published and the tag moved back: the bad one was never
// taken.
//
// With -policy, only what the policy trusts is pulled and served, whatever the registry says. What
// the directory holds must have been pulled under the same policy. Otherwise, it is not served
// until the registry has confirmed that it is trusted, or has something newer that is. A max_age in
// the policy refuses new snapshots that are too old; what is being served stays.
//
// The service checks shortly after the next snapshot is due, if the publisher says when, and not at
// each interval.
//
// At startup, the service immediately serves what the directory holds, whether or not the registry
// answers. If that has no index that fits, as after a pull without one, it is verified and indexed
// first, which takes some seconds for a million reports. It then checks at a random time within
// -first-look, so that replicas that are restarted together do not ask the registry together. If
// the directory holds no snapshot, or one that does not verify, it checks at once. If it does not
// verify, the service has nothing else to serve, so it then takes the next good snapshot, even an
// older one.
//
// If a good snapshot cannot be served, for example because the disk has no room for its index, the
// service serves the old one and tries again after a minute, and then after twice the time before,
// up to -interval.
//
// # Size
//
// Memory does not grow with the number of reports: a snapshot is served from its files. The disk
// holds the directory, and briefly two of it. A snapshot is not served if its content exceeds
// -max-content, or if it has more reports than an index has room for.
package main
