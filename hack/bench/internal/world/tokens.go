//go:build unix

package world

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
)

// The only user, for clients' configurations. Nothing but this harness's own proxy knows them.
const (
	User     = "bench"
	Password = "bench"
)

// tokens is a token server, and the check of its tokens.
type tokens struct {
	realm string

	mu     sync.Mutex
	scopes map[string][]string // by token
}

func newTokens(realm string) *tokens { return &tokens{realm: realm, scopes: map[string][]string{}} }

// grant gives the user a token for whatever is requested, by GET with basic authentication or by
// OAuth2's POST.
func (t *tokens) grant(w http.ResponseWriter, r *http.Request) {
	user, password, ok := r.BasicAuth()
	if !ok {
		user, password = r.PostFormValue("username"), r.PostFormValue("password")
	}
	if user != User || password != Password {
		http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
		return
	}
	token := rand.Text()
	t.mu.Lock()
	t.scopes[token] = nil // a token without any scope is valid, too
	for _, scope := range append(r.URL.Query()["scope"], r.PostForm["scope"]...) {
		t.scopes[token] = append(t.scopes[token], strings.Fields(scope)...)
	}
	t.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	// A client that has gone needs no token.
	_ = json.NewEncoder(w).Encode(map[string]any{"token": token, "access_token": token, "expires_in": 300})
}

var repositoryPath = regexp.MustCompile(`^/v2/(.+)/(manifests|blobs|tags)/`)

// allow reports whether the request has a token for what it wants. If not, it sends a challenge, as
// CNCF distribution does.
func (t *tokens) allow(w http.ResponseWriter, r *http.Request) bool {
	actions, repository := []string{"pull"}, ""
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		actions = append(actions, "push")
	}
	if m := repositoryPath.FindStringSubmatch(r.URL.Path); m != nil {
		repository = m[1]
	}
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if t.covers(token, repository, actions) {
		return true
	}
	challenge := fmt.Sprintf(`Bearer realm=%q,service="bench"`, t.realm)
	if repository != "" {
		challenge += fmt.Sprintf(`,scope="repository:%s:%s"`, repository, strings.Join(actions, ","))
	}
	w.Header().Set("WWW-Authenticate", challenge)
	w.Header().Set("Docker-Distribution-API-Version", "registry/2.0")
	http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
	return false
}

// covers reports whether a token is one of ours and has all actions on the repository, if any.
func (t *tokens) covers(token, repository string, actions []string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	scopes, ok := t.scopes[token]
	if !ok || repository == "" {
		return ok
	}
	for _, action := range actions {
		if !hasAction(scopes, repository, action) {
			return false
		}
	}
	return true
}

func hasAction(scopes []string, repository, action string) bool {
	for _, scope := range scopes {
		actions, ok := strings.CutPrefix(scope, "repository:"+repository+":")
		if ok && strings.Contains(","+actions+",", ","+action+",") {
			return true
		}
	}
	return false
}
