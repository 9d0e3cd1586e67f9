package leiocitest

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// BasicAuth puts HTTP basic authentication (RFC 7617) in front of a registry: a request without the
// right user name and password is answered with 401. Start it with [Serve].
func BasicAuth(user, password string, registry http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, ok := r.BasicAuth(); !ok || u != user || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="leiocitest"`)
			unauthorized(w)
			return
		}
		registry.ServeHTTP(w, r)
	})
}

// Protect puts token authentication in front of a registry. A request under /v2/ needs a token of
// this server that allows the request, and that has neither expired nor been ended by
// [TokenServer.Expire]. Otherwise it is answered with 401 and a challenge that names the server and
// the scope. Reading needs pull, writing needs pull and push, and deleting needs delete. Mounting a
// blob also needs pull on the repository to mount from. The catalog needs every action on it. Start
// it with [Serve]:
//
//	users := map[string]string{"bob": "secret"}
//	tokens := leiocitest.NewTokenServer(t, leiocitest.TokenConfig{Users: users})
//	reg := leiocitest.Serve(t, tokens.Protect(registry.New()))
func (s *TokenServer) Protect(registry http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2" && !strings.HasPrefix(r.URL.Path, "/v2/") {
			registry.ServeHTTP(w, r)
			return
		}
		required := requiredAccess(r)
		errorCode, ok := s.check(r.Header.Get("Authorization"), required)
		if !ok {
			w.Header().Set("WWW-Authenticate", s.challenge(required, errorCode))
			unauthorized(w)
			return
		}
		registry.ServeHTTP(w, r)
	})
}

// check reports whether an Authorization header has a token for the required access. If not, it
// returns the error code of RFC 6750, or "" if there is no token.
func (s *TokenServer) check(header string, required []Access) (errorCode string, ok bool) {
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
	for _, need := range required {
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

// challenge returns the WWW-Authenticate header that sends a client to the token server.
func (s *TokenServer) challenge(required []Access, errorCode string) string {
	text := fmt.Sprintf("Bearer realm=%q,service=%q", s.Realm(), s.config.Service)
	var scopes []string
	for _, need := range required {
		scopes = append(scopes, need.Type+":"+need.Name+":"+strings.Join(need.Actions, ","))
	}
	if len(scopes) > 0 {
		text += fmt.Sprintf(",scope=%q", strings.Join(scopes, " "))
	}
	if errorCode != "" {
		text += fmt.Sprintf(",error=%q", errorCode)
	}
	return text
}

// repositoryPath matches the paths in the OCI distribution specification that belong to a
// repository.
var repositoryPath = regexp.MustCompile(`^/v2/(.+)/(manifests|blobs|tags|referrers)/`)

// requiredAccess returns the access that a request requires.
func requiredAccess(r *http.Request) []Access {
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
	required := []Access{{"repository", match[1], actions}}
	if query := r.URL.Query(); query.Get("mount") != "" && query.Get("from") != "" {
		required = append(required, Access{"repository", query.Get("from"), []string{"pull"}})
	}
	return required
}

// unauthorized answers 401 with an error in the format of the OCI distribution specification.
func unauthorized(w http.ResponseWriter) {
	writeJSON(w, http.StatusUnauthorized, map[string]any{
		"errors": []map[string]string{{"code": "UNAUTHORIZED", "message": "authentication required"}},
	})
}
