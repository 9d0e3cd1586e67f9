package main

import (
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

type registriesKey struct{}

// registries are those of one script.
type registries struct {
	t      testing.TB
	byName map[string]*scriptRegistry
}

type scriptRegistry struct {
	*leiocitest.Registry
	faults []*leiocitest.Injection
	shown  int // requests
}

func newRegistries(env *testscript.Env) *registries {
	return &registries{env.T().(testing.TB), map[string]*scriptRegistry{}} // Run says that it is one
}

func registriesOf(ts *testscript.TestScript) *registries {
	return ts.Value(registriesKey{}).(*registries)
}

func (all *registries) get(ts *testscript.TestScript, name string) *scriptRegistry {
	reg, ok := all.byName[name]
	if !ok {
		ts.Fatalf("no registry %s", name)
	}
	return reg
}

func startRegistry(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 1 {
		ts.Fatalf("usage: registry NAME [PROTECTION]")
	}
	all, name, handler, secure := registriesOf(ts), args[0], leiocitest.NewHandler(), false
	for _, protection := range args[1:] {
		kind, secret, _ := strings.Cut(protection, ":")
		user, password, _ := strings.Cut(secret, ":")
		switch kind {
		case "token":
			handler = requireToken(secret, handler)
		case "user":
			handler = leiocitest.BasicAuth(user, password, handler)
		case "tls":
			secure = true
		default:
			ts.Fatalf("no protection %s", protection)
		}
	}
	reg := leiocitest.Serve(all.t, handler)
	all.byName[name] = &scriptRegistry{Registry: reg}
	ts.Setenv(name, reg.Host())
	if secure {
		server := httptest.NewTLSServer(reg)
		all.t.Cleanup(server.Close)
		ts.Setenv(name, server.Listener.Addr().String())
		authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
		ts.Check(os.WriteFile(ts.MkAbs(name+".pem"), authority, 0o600))
	}
}

// requireToken lets requests with a bearer token pass.
func requireToken(token string, registry http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token {
			w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+r.Host+`/token",service="script"`)
			leiocitest.Status(http.StatusUnauthorized, "UNAUTHORIZED")(w, r, registry)
			return
		}
		registry.ServeHTTP(w, r)
	})
}

func injectFault(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 4 {
		ts.Fatalf("usage: fault NAME METHOD PATH KIND [ARG]")
	}
	reg := registriesOf(ts).get(ts, args[0])
	fault, err := faultOf(args[3], strings.Join(args[4:], " "))
	ts.Check(err)
	reg.faults = append(reg.faults, reg.On(strings.Trim(args[1], "-"), args[2], leiocitest.Always, fault))
}

func heal(ts *testscript.TestScript, _ bool, args []string) {
	reg := registriesOf(ts).get(ts, args[0])
	for _, fault := range reg.faults {
		fault.Stop()
	}
	reg.faults = nil
}

// faultOf returns the fault of a kind: a status of HTTP, or one of those here.
func faultOf(kind, arg string) (leiocitest.Fault, error) {
	if status, err := strconv.Atoi(kind); err == nil {
		return leiocitest.Status(status, arg), nil
	}
	switch kind {
	case "retry-after":
		return leiocitest.RetryAfter(http.StatusTooManyRequests, arg), nil
	case "redirect":
		return leiocitest.Redirect(http.StatusTemporaryRedirect, arg), nil
	case "corrupt":
		return leiocitest.Corrupt(3), nil
	case "truncate":
		return leiocitest.Truncate(1), nil
	case "cut":
		return leiocitest.Cut(), nil
	case "hang":
		return leiocitest.Hang(nil), nil
	case "endless":
		return leiocitest.Endless(), nil
	}
	return nil, fmt.Errorf("no fault %s", kind)
}

func printRequests(ts *testscript.TestScript, _ bool, args []string) {
	reg := registriesOf(ts).get(ts, args[0])
	all := reg.Requests()
	for _, request := range all[reg.shown:] {
		_, err := fmt.Fprintln(ts.Stdout(), request)
		ts.Check(err)
	}
	reg.shown = len(all)
}

func writeSnapshot(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: snapshot DIR DATE [REPO=RISK...]")
	}
	date, err := time.Parse(time.DateOnly, args[1])
	ts.Check(err)
	var reports []string
	for _, arg := range args[2:] {
		repo, risk, _ := strings.Cut(arg, "=")
		reports = append(reports, fmt.Sprintf(`{"header":{"repo":%q},"data":{"repo":%[1]q,"risk":%q}}`, repo, risk))
	}
	written := leiocitest.WriteSnapshot(registriesOf(ts).t, date, reports...)
	dir := ts.MkAbs(args[0])
	ts.Check(os.CopyFS(dir, os.DirFS(written)))
}
