package leioci_test

import (
	"io"
	"maps"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// sequence applies one fault after the other, and then repeats the last.
func sequence(faults ...leiocitest.Fault) func(*world) leiocitest.Fault {
	return func(*world) leiocitest.Fault {
		var n atomic.Int64
		return func(rw http.ResponseWriter, r *http.Request, registry http.Handler) {
			fault := faults[min(int(n.Add(1)), len(faults))-1]
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
			pull: and(blobs("verification@1"), at("verification@1", "manifest GET"), at("no token@1", "token")),
		},
		{
			name: "three bytes short, always", times: leiocitest.Always, fault: always(leiocitest.Short(3)),
			pull: and(blobs("verification@1"), at("verification@1", "manifest GET"), at("no token@1", "token")),
		},
		{
			name: "an endless body, always", times: leiocitest.Always, fault: always(leiocitest.Endless()),
			pull: and(blobs("verification@1"), at("too large@1", "manifest GET"), at("no token@1", "token")),
			push: at("too large@1", "manifest GET"),
		},
		{
			name: "an endless answer to a ping, always", times: leiocitest.Always, fault: always(leiocitest.Endless()),
			// A ping with status 200 says that no token is needed. The manifest then requires one.
			pull: at("ok+1", "ping"),
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
		twice := map[string]string{"ok+1": "ok+2", "ok+2": "ok+4"} // the registry's redirect to the storage is requested again, too
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
	add("a wrong Content-Range", "ok+2", leiocitest.Header("Content-Range", "bytes 0-9/10"))
	add("no Content-Range", "ok+2", leiocitest.Header("Content-Range", ""))
	add("416", "ok+2", leiocitest.Status(http.StatusRequestedRangeNotSatisfiable, ""))
	add("404", "ok+2", leiocitest.Status(http.StatusNotFound, "BLOB_UNKNOWN"))
	add("403", "ok+2", leiocitest.Status(http.StatusForbidden, "DENIED"))
	add("405", "ok+2", leiocitest.Status(http.StatusMethodNotAllowed, ""))
	add("401", "ok+2", leiocitest.Status(http.StatusUnauthorized, ""))
	rows[len(rows)-1].pull["blob GET"] = "ok+4" // a 401 without a challenge asks for a new session: a ping and a token
	add("several parts", "ok+2", several)
	add("503", "ok+2", leiocitest.Status(http.StatusServiceUnavailable, ""))
	add("another length", "ok+2", func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		r.Header.Del("Range")
		leiocitest.Short(1)(w, r, registry)
	})
	// Ranges that are never served cost the tries for them; then the whole is asked for.
	for name, fault := range map[string]leiocitest.Fault{"cut off": leiocitest.Cut(), "answered 500": leiocitest.Status(http.StatusInternalServerError, "")} {
		rows = append(rows, faultRow{
			name: "a body cut, then ranges always " + name, times: leiocitest.Always,
			fault: func(*world) leiocitest.Fault { return noRanges(fault) }, pull: and(at("ok+3", "blob GET"), at("ok+6", "redirect target")),
		})
	}
	rows = append(rows, faultRow{
		name: "ranges always forbidden, and bodies cut often", times: leiocitest.Always, refetch: 64 << 10,
		fault: sequence(leiocitest.Truncate(1000), leiocitest.Status(http.StatusForbidden, ""), leiocitest.Truncate(2000), leiocitest.Status(http.StatusForbidden, ""), none),
		pull:  and(at("ok+4", "blob GET"), at("ok+8", "redirect target")),
	})
	rows = append(rows, faultRow{
		name: "a body cut, then the token expired", times: 2, fault: func(w *world) leiocitest.Fault {
			return sequence(leiocitest.Truncate(1000), w.expire())(w)
		},
		pull: at("ok+3", "blob GET"), // the rejected request, a token, the remainder
	})
	return rows
}

func redirectRows() []faultRow {
	rows := []faultRow{
		{
			name: "a redirect to itself, once", times: 1, fault: always(leiocitest.Redirect(307, "http://"+registryHost)),
			pull: at("ok+1", "first request", "ping", "token", "manifest HEAD", "manifest GET", "blob GET"), push: at("ok+1", pushes()...),
		},
		{
			name: "a redirect to itself, always", times: leiocitest.Always, fault: always(leiocitest.Redirect(307, "http://"+registryHost)),
			pull: and(at("10 redirects@10", "ping", "token", "manifest GET", "blob GET"), at("ok+9", "first request", "manifest HEAD")), push: at("10 redirects@10", pushes()...),
		},
		{
			name: "a redirect to another host, once", times: 1, fault: always(leiocitest.Redirect(307, "http://"+storageHost)),
			pull: at("ok+1", "first request", "manifest HEAD", "manifest GET", "blob GET"), push: at("ok+1", "first request", "manifest GET", "blob HEAD", "manifest PUT"),
		},
		{
			name: "a redirect to a private address, always", times: leiocitest.Always, fault: always(leiocitest.Redirect(307, "http://10.0.0.1")),
			pull: and(at("private@1", pulls()...), at("ok+0", "first request", "manifest HEAD")), push: at("private@1", pushes()...),
		},
		{
			name: "a redirect to no URL, always", times: leiocitest.Always, fault: always(leiocitest.Redirect(307, "http://%zz/?sig=s3cret-signature")),
			pull: and(at("bad Location@1", pulls()...), at("ok+0", "first request", "manifest HEAD")), push: at("bad Location@1", pushes()...),
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

// several sends several ranges, as may be done (RFC 9110, section 14.6).
func several(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	w.Header().Set("Content-Type", "multipart/byteranges; boundary=x")
	w.WriteHeader(http.StatusPartialContent)
	_, _ = io.WriteString(w, "--x\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes 0-0/10\r\n\r\na\r\n--x--\r\n")
}

// noRanges cuts the first body, and strikes at every range.
func noRanges(fault leiocitest.Fault) leiocitest.Fault {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request, registry http.Handler) {
		nth := n.Add(1)
		switch {
		case r.Header.Get("Range") != "":
			fault(w, r, registry)
		case nth == 1:
			leiocitest.Truncate(1000)(w, r, registry)
		default:
			registry.ServeHTTP(w, r)
		}
	}
}

// dripping answers with a status, and a body that brings a byte from time to time, for ever. A
// redirect leads to where it comes from, and a 401 to the token server.
func dripping(status int) leiocitest.Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Location", "http://"+r.Host+r.URL.String())
		w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+r.Host+`/token",service="lei"`)
		w.WriteHeader(status)
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, ".")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-r.Context().Done():
			case <-time.After(20 * time.Second):
			}
		}
	}
}

// withoutHEAD leaves out a step whose responses have no body.
func withoutHEAD(steps map[string]string, head string) map[string]string {
	steps = maps.Clone(steps)
	delete(steps, head)
	return steps
}
