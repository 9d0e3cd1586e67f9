package leioci_test

import (
	"cmp"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// always returns a fault that does not depend on the world.
func always(f leiocitest.Fault) func(*world) leiocitest.Fault {
	return func(*world) leiocitest.Fault { return f }
}

// at expects the same outcome at several steps.
func at(want string, steps ...string) map[string]string {
	m := map[string]string{}
	for _, s := range steps {
		m[s] = want
	}
	return m
}

// and merges expectations for different steps; later ones override earlier ones.
func and(ms ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range ms {
		maps.Copy(all, m)
	}
	return all
}

// Groups of steps.
func pulls() []string {
	return []string{"first request", "ping", "token", "manifest GET", "blob GET", "redirect target"}
}

func pushes() []string {
	return []string{"first request", "ping", "token", "manifest GET", "blob HEAD", "blob POST", "blob PUT", "manifest PUT"}
}

// bodied are the steps of a pull whose response bodies matter.
func bodied() []string { return []string{"token", "manifest GET", "blob GET", "redirect target"} }

// The rows: transient faults, permanent faults, slowness, bad bodies, and faults of uploads.
func faultRows() []faultRow {
	return slices.Concat(passingRows(), stayingRows(), retryAfterRows(), slowRows(), bodyRows(), rangeRows(), redirectRows(), uploadRows())
}

// again is the cost of a failed attempt: the request that failed; for a ping or a token also the one
// that led to it; for storage also the request that redirected to it; and for a blob upload also a
// new existence check and a new upload session.
func again() (pull, push map[string]string) {
	return and(at("ok+1", pulls()...), at("ok+2", "ping", "token", "redirect target")),
		and(at("ok+1", pushes()...), at("ok+2", "ping", "token", "blob POST"), at("ok+3", "blob PUT"))
}

func passingRows() []faultRow {
	rows := []faultRow{
		{name: "no answer, once", times: 1, fault: always(leiocitest.Cut())},
		{name: "403 that means 429, once", times: 1, fault: always(leiocitest.Status(http.StatusForbidden, "TOOMANYREQUESTS"))},
		{name: "a huge error 500, once", times: 1, fault: always(leiocitest.HugeError(http.StatusInternalServerError, 1<<20))},
	}
	for _, status := range []int{408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 530, 599} {
		rows = append(rows, faultRow{name: cmp.Or(http.StatusText(status), strconv.Itoa(status)) + ", once", times: 1, fault: always(leiocitest.Status(status, "DENIED"))})
	}
	for i := range rows {
		rows[i].pull, rows[i].push = again()
	}
	// If a ping is forbidden, the repository itself is asked how to authenticate. It hides, so it is
	// shown the password, and then challenges.
	rows[1].pull["ping"], rows[1].push["ping"] = "ok+2", "ok+2"
	rows = append(rows, faultRow{
		name: "a storage that refuses a signed URL, once", times: 1,
		fault: always(leiocitest.Status(http.StatusForbidden, "")), pull: at("ok+2", "redirect target"),
	})
	rows[1].push["blob HEAD"] = "denied@1" // there is no body that could say so
	rows[1].pull["manifest HEAD"] = "ok+0" // and a manifest is then asked for with a GET
	return rows
}

// Permanent faults are attempted three times if they might be transient, and once if they cannot
// be.
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
		408: "408@3", 429: "rate limited 0@3", 500: "500@3", 502: "502@3", 503: "503@3", 504: "504@3", 522: "522@3", 525: "525@1", 501: "501@1",
	} {
		add(cmp.Or(http.StatusText(status), strconv.Itoa(status))+", always", leiocitest.Status(status, "UNKNOWN"), want, want)
	}
	add("403, always", leiocitest.Status(http.StatusForbidden, "DENIED"), "denied@1", "denied@1")
	add("404, always", leiocitest.Status(http.StatusNotFound, "NAME_UNKNOWN"), "not found@1", "not found@1")
	add("401 without a challenge, always", leiocitest.Status(http.StatusUnauthorized, "UNAUTHORIZED"), "unauthorized@2", "unauthorized@2")
	add("a huge error 403, always", leiocitest.HugeError(http.StatusForbidden, 1<<20), "denied@1", "denied@1")
	for i := range rows {
		r := &rows[i]
		switch r.pull["ping"] {
		case "denied@1", "not found@1":
			// Some registries do not support a ping: this one challenges when it is shown the password.
			r.pull["ping"], r.push["ping"] = "ok+2", "ok+2"
			// The anonymous may be told anything: those with credentials then ask.
			r.pull["first request"], r.push["first request"] = "ok+1", "ok+1"
		case "unauthorized@2":
			// The first request to need a token has a challenge. Others are made twice: the second
			// time in a new session.
			r.pull["ping"], r.push["ping"] = "ok+1", "ok+1"
			r.pull["first request"], r.push["first request"] = "ok+1", "ok+1"
			r.pull["token"], r.push["token"] = "unauthorized@1", "unauthorized@1"
			r.push["manifest GET"] = "unauthorized@1" // the session is a new one
		}
		for _, head := range []string{"first request", "manifest HEAD"} {
			if strings.HasSuffix(r.pull[head], "@1") {
				r.pull[head] = "ok+0" // registries need not support it; a GET follows
			}
		}
		if want := r.pull["redirect target"]; want == "denied@1" || want == "unauthorized@1" {
			r.pull["redirect target"] = strings.TrimSuffix(want, "1") + "2" // its URL may be too old; the registry gives another one
		}
		if r.push["blob HEAD"] == "not found@1" {
			r.push["blob HEAD"] = "ok+0"    // the blob does not exist, so it is uploaded
			r.push["manifest GET"] = "ok+0" // nor does the tag, so it cannot be moved back
		}
		if want := r.push["blob POST"]; want == "not found@1" || want == "501@1" || want == "denied@1" {
			r.push["blob POST"] = strings.TrimSuffix(want, "1") + "2" // it may be the mount that is not known, or forbidden
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

// A stalled request is aborted after 30 s; a completely sent upload may take five minutes for its
// response. Progress is checked ten times within the limit.
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
			name: "an error that drips, once", times: 1, fault: always(dripping(http.StatusServiceUnavailable)),
			min: 5 * time.Second, max: 8 * time.Second,
			pull: withoutHEAD(pull, "first request"), push: withoutHEAD(push, "blob HEAD"),
		},
		{
			name: "a redirect that drips, once", times: 1, fault: always(dripping(http.StatusTemporaryRedirect)),
			min: 5 * time.Second, max: 8 * time.Second,
			pull: at("ok+1", "ping", "token", "manifest GET", "blob GET"),
			// While the first request takes long, an upload is opened without the token, in vain.
			push: and(at("ok+2", "first request"), at("ok+1", "blob POST", "blob PUT", "manifest PUT")),
		},
		{
			name: "a ping that drips, once", times: 1, fault: always(dripping(http.StatusUnauthorized)),
			min: 5 * time.Second, max: 8 * time.Second,
			pull: at("ok+0", "ping"), push: at("ok+0", "ping"),
		},
		{
			name: "a token that drips, always", times: leiocitest.Always, fault: always(leiocitest.Drip(1, 20*time.Second)),
			min: 3 * time.Minute, max: 4 * time.Minute,
			pull: at("stalled@3", "token"), push: at("stalled@3", "token"),
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

// swallow reads a request and never responds.
func swallow() leiocitest.Fault {
	return func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
}

// late responds correctly, but after a delay.
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
