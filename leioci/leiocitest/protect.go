package leiocitest

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// BasicAuth puts HTTP basic authentication (RFC 7617) in front of a registry: whoever does not show the user name and
// password is answered 401. Start it with [Serve].
func BasicAuth(user, password string, registry http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="leiocitest"`)
			demand(w)
			return
		}
		registry.ServeHTTP(w, r)
	})
}

// Protect puts token authentication in front of a registry: under /v2/, whoever does not show a token of this server,
// neither expired nor ended by [TokenServer.Expire], that allows what is asked, is answered 401 with a challenge that
// names the server and the scope. Reading needs pull, writing push and pull, deleting delete, mounting also pull on the repository
// to mount from, and the catalog all of it. Start it with [Serve]:
//
//	tokens := leiocitest.NewTokenServer(t, leiocitest.TokenConfig{Users: map[string]string{"bob": "secret"}})
//	reg := leiocitest.Serve(t, tokens.Protect(registry.New()))
func (s *TokenServer) Protect(registry http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2" && !strings.HasPrefix(r.URL.Path, "/v2/") {
			registry.ServeHTTP(w, r)
			return
		}
		needed := needs(r)
		problem, ok := s.check(r.Header.Get("Authorization"), needed)
		if !ok {
			w.Header().Set("WWW-Authenticate", s.challenge(needed, problem))
			demand(w)
			return
		}
		registry.ServeHTTP(w, r)
	})
}

// check reports whether a header shows a token for what is needed, and if not, the error code of RFC 6750.
func (s *TokenServer) check(header string, needed []Access) (problem string, ok bool) {
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", false
	}
	c, err := s.signer.verify(token)
	s.mu.Lock()
	valid := s.valid[c.ID]
	s.mu.Unlock()
	if err != nil || !valid || time.Now().Unix() >= c.Expires {
		return "invalid_token", false
	}
	for _, need := range needed {
		for _, action := range need.Actions {
			if !slices.ContainsFunc(c.Access, func(a Access) bool {
				return a.Type == need.Type && a.Name == need.Name && slices.Contains(a.Actions, action)
			}) {
				return "insufficient_scope", false
			}
		}
	}
	return "", true
}

// challenge is the header that sends a client to the token server.
func (s *TokenServer) challenge(needed []Access, problem string) string {
	text := fmt.Sprintf("Bearer realm=%q,service=%q", s.Realm(), s.config.Service)
	var scopes []string
	for _, need := range needed {
		scopes = append(scopes, need.Type+":"+need.Name+":"+strings.Join(need.Actions, ","))
	}
	if len(scopes) > 0 {
		text += fmt.Sprintf(",scope=%q", strings.Join(scopes, " "))
	}
	if problem != "" {
		text += fmt.Sprintf(",error=%q", problem)
	}
	return text
}

// repositoryPath matches the paths of the OCI distribution specification that are of a repository.
var repositoryPath = regexp.MustCompile(`^/v2/(.+)/(manifests|blobs|tags|referrers)/`)

// needs returns the access that a request needs.
func needs(r *http.Request) []Access {
	if r.URL.Path == "/v2/_catalog" {
		return []Access{{"registry", "catalog", []string{"*"}}}
	}
	match := repositoryPath.FindStringSubmatch(r.URL.Path)
	if match == nil {
		return nil
	}
	actions := []string{"pull", "push"}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		actions = []string{"pull"}
	case http.MethodDelete:
		actions = []string{"delete"}
	}
	needed := []Access{{"repository", match[1], actions}}
	if query := r.URL.Query(); query.Get("mount") != "" && query.Get("from") != "" {
		needed = append(needed, Access{"repository", query.Get("from"), []string{"pull"}})
	}
	return needed
}

// demand answers 401 with an error of the OCI distribution specification.
func demand(w http.ResponseWriter) {
	reply(w, http.StatusUnauthorized, map[string]any{"errors": []map[string]string{{"code": "UNAUTHORIZED", "message": "authentication required"}}})
}
