package leioci_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// always is a fault that is the same in every world.
func always(f leiocitest.Fault) func(*world) leiocitest.Fault {
	return func(*world) leiocitest.Fault { return f }
}

// at says the same of several steps.
func at(want string, steps ...string) map[string]string {
	m := map[string]string{}
	for _, s := range steps {
		m[s] = want
	}
	return m
}

// and joins what is said of different steps; the later one counts.
func and(ms ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range ms {
		maps.Copy(all, m)
	}
	return all
}

// The steps, by what they have in common.
func pulls() []string {
	return []string{"ping", "token", "manifest GET", "blob GET", "redirect target"}
}

func pushes() []string {
	return []string{"ping", "token", "manifest GET", "blob HEAD", "blob POST", "blob PUT", "manifest PUT"}
}

// bodied are the steps of a pull whose answers have a body that matters.
func bodied() []string { return []string{"token", "manifest GET", "blob GET", "redirect target"} }

// The rows: what passes, what stays, what is slow, what is wrong with a body, and what is wrong with an upload.
func faultRows() []faultRow {
	return slices.Concat(passingRows(), stayingRows(), retryAfterRows(), slowRows(), bodyRows(), rangeRows(), redirectRows(), uploadRows())
}

// again is what a try that failed costs: the request that failed; for a token the ping before it, too, as a handshake is
// tried as a whole; for a storage the request that led to it; and for a blob that it is looked for, and given a session, again.
func again() (pull, push map[string]string) {
	return and(at("ok+1", pulls()...), at("ok+2", "token", "redirect target")),
		and(at("ok+1", pushes()...), at("ok+2", "token", "blob POST"), at("ok+3", "blob PUT"))
}

func passingRows() []faultRow {
	rows := []faultRow{
		{name: "no answer, once", times: 1, fault: always(leiocitest.Cut())},
		{name: "403 that means 429, once", times: 1, fault: always(leiocitest.Status(http.StatusForbidden, "TOOMANYREQUESTS"))},
		{name: "a huge error 500, once", times: 1, fault: always(leiocitest.HugeError(http.StatusInternalServerError, 1<<20))},
	}
	for _, status := range []int{408, 429, 500, 502, 503, 504} {
		rows = append(rows, faultRow{name: http.StatusText(status) + ", once", times: 1, fault: always(leiocitest.Status(status, "DENIED"))})
	}
	for i := range rows {
		rows[i].pull, rows[i].push = again()
	}
	// A ping that is forbidden is no reason to give up: the repository says what it wants.
	rows[1].pull["ping"], rows[1].push["ping"] = "ok+1", "ok+1"
	rows[1].push["blob HEAD"] = "denied@1" // there is no body that could say so
	rows[1].pull["manifest HEAD"] = "ok+0" // and a manifest is then asked for with a GET
	return rows
}

// What does not pass is tried three times where it might have passed, and once where it will not.
func stayingRows() []faultRow {
	var rows []faultRow
	add := func(name string, fault leiocitest.Fault, pull, push string) {
		rows = append(rows, faultRow{
			name: name, times: leiocitest.Always, fault: always(fault),
			pull: at(pull, pulls()...), push: at(push, pushes()...),
		})
	}
	add("no answer, always", leiocitest.Cut(), "cut@3", "cut@3")
	for status, want := range map[int]string{
		408: "408@3", 429: "rate limited 0@3", 500: "500@3", 502: "502@3", 503: "503@3", 504: "504@3",
	} {
		add(http.StatusText(status)+", always", leiocitest.Status(status, "UNKNOWN"), want, want)
	}
	add("403, always", leiocitest.Status(http.StatusForbidden, "DENIED"), "denied@1", "denied@1")
	add("404, always", leiocitest.Status(http.StatusNotFound, "NAME_UNKNOWN"), "not found@1", "not found@1")
	add("401 without a challenge, always", leiocitest.Status(http.StatusUnauthorized, "UNAUTHORIZED"), "unauthorized@1", "unauthorized@1")
	add("a huge error 403, always", leiocitest.HugeError(http.StatusForbidden, 1<<20), "denied@1", "denied@1")
	for i := range rows {
		r := &rows[i]
		switch r.pull["ping"] {
		case "denied@1", "not found@1":
			// Some registries do not answer a ping; the repository does. It may be closed to whom the tag is not shown.
			r.pull["ping"], r.push["ping"] = "ok+1", "ok+1"
			r.push["manifest GET"] = "ok+0"
		case "unauthorized@1":
			// Without a challenge nobody can know how to authenticate.
			delete(r.pull, "ping")
			delete(r.push, "ping")
		}
		if strings.HasSuffix(r.pull["manifest HEAD"], "@1") {
			r.pull["manifest HEAD"] = "ok+0" // registries need not answer it; a GET follows
		}
		if r.push["blob HEAD"] == "not found@1" {
			r.push["blob HEAD"] = "ok+0" // it is not there, and is sent
		}
	}
	return rows
}

func retryAfterRows() []faultRow {
	soon := func(*world) leiocitest.Fault {
		return func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
			date := time.Now().Add(5 * time.Second).UTC().Format(http.TimeFormat)
			leiocitest.RetryAfter(http.StatusServiceUnavailable, date)(rw, r, registry)
		}
	}
	late := func(*world) leiocitest.Fault {
		return func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
			date := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
			leiocitest.RetryAfter(http.StatusTooManyRequests, date)(rw, r, registry)
		}
	}
	pull, push := again()
	return []faultRow{
		{
			name: "Retry-After: 7, once", times: 1, fault: always(leiocitest.RetryAfter(http.StatusTooManyRequests, "7")),
			min: 7 * time.Second, max: 9 * time.Second, pull: pull, push: push,
		},
		{
			name: "Retry-After: a date in 5 s, once", times: 1, fault: soon,
			min: 4 * time.Second, max: 7 * time.Second, pull: pull, push: push,
		},
		{
			name: "Retry-After: nonsense, once", times: 1, fault: always(leiocitest.RetryAfter(http.StatusServiceUnavailable, "soon")),
			max: time.Second, pull: pull, push: push,
		},
		{
			name: "Retry-After: -1, once", times: 1, fault: always(leiocitest.RetryAfter(http.StatusServiceUnavailable, "-1")),
			max: time.Second, pull: pull, push: push,
		},
		{
			name: "Retry-After: 3600, always", times: leiocitest.Always, fault: always(leiocitest.RetryAfter(http.StatusServiceUnavailable, "3600")),
			max: time.Millisecond, pull: at("rate limited 3600@1", pulls()...), push: at("rate limited 3600@1", pushes()...),
		},
		{
			name: "Retry-After: 61, always", times: leiocitest.Always, fault: always(leiocitest.RetryAfter(http.StatusTooManyRequests, "61")),
			max: time.Millisecond, pull: at("rate limited 61@1", pulls()...), push: at("rate limited 61@1", pushes()...),
		},
		{
			name: "Retry-After: a date in an hour, always", times: leiocitest.Always, fault: late,
			max: time.Millisecond, pull: at("rate limited 3600@1", pulls()...), push: at("rate limited 3600@1", pushes()...),
		},
		{
			name: "Retry-After: 60, always", times: leiocitest.Always, fault: always(leiocitest.RetryAfter(http.StatusTooManyRequests, "60")),
			min: 2 * time.Minute, max: 123 * time.Second, pull: at("rate limited 60@3", pulls()...), push: at("rate limited 60@3", pushes()...),
		},
	}
}

// A request on which nothing moves is given up after 30 s; an upload that was sent whole may take five minutes. Waiting is
// looked at ten times in its limit.
func slowRows() []faultRow {
	pull, push := again()
	short := func(m map[string]string) map[string]string {
		delete(m, "blob PUT")
		delete(m, "manifest PUT")
		return m
	}
	return []faultRow{
		{
			name: "silence, once", times: 1, fault: always(leiocitest.Hang(nil)),
			min: 30 * time.Second, max: 34 * time.Second,
			pull: pull, push: short(maps.Clone(push)),
		},
		{
			name: "silence after an upload, once", times: 1, fault: always(swallow()),
			min: 300 * time.Second, max: 332 * time.Second,
			push: and(at("ok+3", "blob PUT"), at("ok+1", "manifest PUT")),
		},
		{
			name: "silence, always", times: leiocitest.Always, fault: always(leiocitest.Hang(nil)),
			min: 90 * time.Second, max: 102 * time.Second,
			pull: at("stalled@3", pulls()...), push: short(at("stalled@3", pushes()...)),
		},
		{
			name: "an answer that takes 29 s, always", times: leiocitest.Always, fault: always(late(29 * time.Second)),
			min: 29 * time.Second, max: 30 * time.Minute,
			pull: at("ok+0", pulls()...), push: at("ok+0", pushes()...),
		},
		{
			name: "an answer that takes 4 minutes", times: leiocitest.Always, fault: always(late(4 * time.Minute)),
			min: 4 * time.Minute, max: 30 * time.Minute,
			push: at("ok+0", "blob PUT", "manifest PUT"),
		},
		{
			name: "500 bytes every 20 s", times: leiocitest.Always, fault: always(leiocitest.Drip(500, 20*time.Second)),
			min: 20 * time.Second, max: 30 * time.Minute,
			pull: at("ok+0", "manifest GET", "blob GET", "redirect target"),
		},
		{
			name: "silence before the first byte of a body, once", times: 1, fault: always(leiocitest.Stall(0)),
			min: 30 * time.Second, max: 34 * time.Second,
			pull: and(at("ok+1", bodied()...), at("ok+2", "token", "redirect target")),
		},
		{
			name: "silence within a body, once", times: 1, fault: always(leiocitest.Stall(5)),
			min: 30 * time.Second, max: 34 * time.Second,
			pull: and(at("ok+1", bodied()...), at("ok+2", "token", "redirect target")),
		},
		{
			name: "silence before the first byte of a body, always", times: leiocitest.Always, fault: always(leiocitest.Stall(0)),
			min: 90 * time.Second, max: 102 * time.Second,
			pull: at("stalled@3", bodied()...),
		},
	}
}

// swallow reads a request and gives no answer.
func swallow() leiocitest.Fault {
	return func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
}

// late answers rightly, but not at once.
func late(d time.Duration) leiocitest.Fault {
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		right := httptest.NewRecorder()
		registry.ServeHTTP(right, r)
		select {
		case <-time.After(d):
		case <-r.Context().Done():
		}
		maps.Copy(w.Header(), right.Header())
		w.WriteHeader(right.Code)
		_, _ = w.Write(right.Body.Bytes())
	}
}

// sequence strikes with one fault after the other, and from then on with the last.
func sequence(faults ...leiocitest.Fault) func(*world) leiocitest.Fault {
	return func(*world) leiocitest.Fault {
		n := 0
		return func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
			fault := faults[min(n, len(faults)-1)]
			n++
			fault(rw, r, registry)
		}
	}
}

// none is no fault.
func none(w http.ResponseWriter, r *http.Request, registry http.Handler) { registry.ServeHTTP(w, r) }

func bodyRows() []faultRow {
	broken := and(at("broken off@3", "token", "manifest GET"), at("verification@3", "blob GET", "redirect target"))
	blobs := func(want string) map[string]string { return at(want, "blob GET", "redirect target") }
	return []faultRow{
		{name: "a body cut after 0 bytes, once", times: 1, fault: always(leiocitest.Truncate(0)), pull: and(at("ok+1", bodied()...), at("ok+2", "token", "redirect target"))},
		{name: "a body cut after 7 bytes, once", times: 1, fault: always(leiocitest.Truncate(7)), pull: and(at("ok+1", bodied()...), at("ok+2", "token", "redirect target"))},
		{name: "a body cut after 0 bytes, always", times: leiocitest.Always, fault: always(leiocitest.Truncate(0)), pull: broken},
		{
			name: "a corrupt byte, always", times: leiocitest.Always, fault: always(leiocitest.Corrupt(0)),
			pull: and(blobs("verification@1"), at("no manifest@1", "manifest GET"), at("no token@1", "token")),
		},
		{
			name: "three bytes short, always", times: leiocitest.Always, fault: always(leiocitest.Short(3)),
			pull: and(blobs("verification@1"), at("no manifest@1", "manifest GET"), at("no token@1", "token")),
		},
		{
			name: "an endless body, always", times: leiocitest.Always, fault: always(leiocitest.Endless()),
			// A ping that is answered 200 says that nothing is needed; the manifest then wants a token.
			pull: and(blobs("verification@1"), at("too large@1", "manifest GET"), at("no token@1", "token")),
			push: at("too large@1", "manifest GET"),
		},
		{
			name: "an endless answer to a ping, always", times: leiocitest.Always, fault: always(leiocitest.Endless()),
			pull: at("unauthorized@1", "ping"), says: "pull manifest",
		},
		{
			name: "no Docker-Content-Digest, always", times: leiocitest.Always, fault: always(leiocitest.Header("Docker-Content-Digest", "")),
			pull: at("ok+0", "manifest HEAD", "manifest GET", "blob GET", "redirect target"),
			push: at("ok+0", "manifest GET", "blob HEAD", "blob PUT", "manifest PUT"),
		},
		{
			name: "a corrupt byte after a resume, once", times: leiocitest.Always, refetch: 64 << 10,
			fault: sequence(leiocitest.Truncate(1000), leiocitest.Corrupt(7), none),
			pull:  and(at("ok+2", "blob GET"), at("ok+4", "redirect target")),
		},
		{
			name: "a corrupt byte after a resume, always", times: leiocitest.Always,
			fault: sequence(leiocitest.Truncate(1000), leiocitest.Corrupt(7), leiocitest.Corrupt(7)), pull: blobs("verification@3"),
		},
	}
}

func rangeRows() []faultRow {
	var rows []faultRow
	add := func(name, want string, second leiocitest.Fault) {
		twice := map[string]string{"ok+1": "ok+2", "ok+2": "ok+4"} // the registry is asked for the way to the storage, too
		pull := at(want, "blob GET", "redirect target")
		if at, ok := twice[want]; ok {
			pull["redirect target"] = at
		}
		rows = append(rows, faultRow{
			name: "a body cut, then " + name, times: leiocitest.Always, fault: sequence(leiocitest.Truncate(1000), second, none),
			pull: pull,
		})
	}
	add("the rest", "ok+1", none)
	add("the range ignored", "ok+1", leiocitest.IgnoreRange())
	add("a wrong Content-Range", "verification@2", leiocitest.Header("Content-Range", "bytes 0-9/10"))
	add("no Content-Range", "verification@2", leiocitest.Header("Content-Range", ""))
	add("416", "verification@2", leiocitest.Status(http.StatusRequestedRangeNotSatisfiable, ""))
	add("404", "not found@2", leiocitest.Status(http.StatusNotFound, "BLOB_UNKNOWN"))
	add("503", "ok+2", leiocitest.Status(http.StatusServiceUnavailable, ""))
	add("another length", "verification@2", func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		r.Header.Del("Range")
		leiocitest.Short(1)(w, r, registry)
	})
	rows = append(rows, faultRow{
		name: "a body cut, then the token expired", times: 2, fault: func(w *world) leiocitest.Fault {
			return sequence(leiocitest.Truncate(1000), w.expire())(w)
		},
		pull: at("ok+3", "blob GET"), // what was refused, a token, the rest
	})
	return rows
}

func redirectRows() []faultRow {
	rows := []faultRow{
		{
			name: "a redirect to itself, once", times: 1, fault: always(leiocitest.Redirect(307, "http://"+registryHost)),
			pull: at("ok+1", "ping", "token", "manifest HEAD", "manifest GET", "blob GET"), push: at("ok+1", pushes()...),
		},
		{
			name: "a redirect to itself, always", times: leiocitest.Always, fault: always(leiocitest.Redirect(307, "http://"+registryHost)),
			pull: and(at("10 redirects@10", "ping", "token", "manifest GET", "blob GET"), at("ok+9", "manifest HEAD")), push: at("10 redirects@10", pushes()...),
		},
		{
			name: "a redirect to another host, once", times: 1, fault: always(leiocitest.Redirect(307, "http://"+storageHost)),
			pull: at("ok+1", "manifest HEAD", "manifest GET", "blob GET"), push: at("ok+1", "manifest GET", "blob HEAD", "manifest PUT"),
		},
		{
			name: "a redirect to a private address, always", times: leiocitest.Always, fault: always(leiocitest.Redirect(307, "http://10.0.0.1")),
			pull: and(at("private@1", pulls()...), at("ok+0", "manifest HEAD")), push: at("private@1", pushes()...),
		},
		{
			name: "a redirect to no URL, always", times: leiocitest.Always, fault: always(leiocitest.Redirect(307, "http://%zz/?sig=s3cret-signature")),
			pull: and(at("bad Location@1", pulls()...), at("ok+0", "manifest HEAD")), push: at("bad Location@1", pushes()...),
		},
		{
			name: "a redirect to a page for people, always", times: leiocitest.Always, fault: always(leiocitest.Redirect(302, "/login")),
			push: at("302@1", "blob POST", "blob PUT", "manifest PUT"),
		},
	}
	return rows
}

func uploadRows() []faultRow {
	post := func(name, want string, edit func(location string) string) faultRow {
		return faultRow{name: name, times: leiocitest.Always, fault: always(leiocitest.Location(edit)), push: at(want, "blob POST")}
	}
	put := func(name string, times int, fault leiocitest.Fault, want string) faultRow {
		return faultRow{name: name, times: times, fault: always(fault), push: at(want, "blob PUT")}
	}
	return []faultRow{
		post("an upload at a URL", "ok+0", func(l string) string { return "http://" + registryHost + l }),
		post("an upload at a URL with a query", "ok+0", func(l string) string { return "http://" + registryHost + l + "?_state=s3cret-signature" }),
		post("an upload at another host", "ok+0", func(l string) string { return "http://" + storageHost + l }),
		post("an upload at a private address", "private@1", func(l string) string { return "http://192.168.1.1" + l }),
		post("an upload at another protocol", "bad Location@1", func(string) string { return "ftp://" + storageHost + "/" }),
		post("an upload at no URL", "bad Location@1", func(string) string { return "http://%zz/?sig=s3cret-signature" }),
		post("an upload nowhere", "bad Location@1", func(string) string { return "" }),
		put("an unknown session, once", 1, leiocitest.Status(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN"), "ok+3"),
		put("an unknown session, always", leiocitest.Always, leiocitest.Status(http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN"), "not found@3"),
		put("a half-written session, once", 1, leiocitest.Status(http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID"), "ok+3"),
		put("another digest, always", leiocitest.Always, leiocitest.Status(http.StatusBadRequest, "DIGEST_INVALID"), "400@1"),
		put("a body too large for a proxy, always", leiocitest.Always, leiocitest.Status(http.StatusRequestEntityTooLarge, ""), "too large@1"),
		{
			name: "a manifest of an unknown type, always", times: leiocitest.Always,
			fault: always(leiocitest.Status(http.StatusBadRequest, "MANIFEST_INVALID")), push: at("400@1", "manifest PUT"),
		},
		{
			name: "a token that expired, once", times: 1, fault: (*world).expire,
			pull: at("ok+2", "manifest HEAD", "manifest GET", "blob GET"),
			push: at("ok+2", "manifest GET", "blob HEAD", "blob POST", "blob PUT", "manifest PUT"),
		},
	}
}
