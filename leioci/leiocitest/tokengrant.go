package leiocitest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// get answers by the token specification.
func (s *TokenServer) get(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	asked := TokenRequest{Grant: "anonymous", Scopes: query["scope"]}
	user, password, given := r.BasicAuth()
	if given {
		asked.Grant, asked.User = "basic", user
	}
	known := !given || s.knows(user, password)
	s.answer(w, asked, known, query.Get("service"), query.Get("offline_token") == "true")
}

// post answers by its OAuth2 form.
func (s *TokenServer) post(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "not a form", http.StatusBadRequest)
		return
	}
	form := r.PostForm
	asked := TokenRequest{Grant: form.Get("grant_type"), Scopes: form["scope"]}
	var known bool
	switch asked.Grant {
	case "password":
		asked.User = form.Get("username")
		known = s.knows(asked.User, form.Get("password"))
	case "refresh_token":
		s.mu.Lock()
		asked.User, known = s.refresh[form.Get("refresh_token")]
		s.mu.Unlock()
	default:
		s.refuse(w, asked, http.StatusBadRequest, "unsupported_grant_type")
		return
	}
	s.answer(w, asked, known, form.Get("service"), form.Get("access_type") == "offline")
}

func (s *TokenServer) knows(user, password string) bool {
	right, ok := s.config.Users[user]
	return ok && right == password
}

// answer issues a token, or says why not.
func (s *TokenServer) answer(w http.ResponseWriter, asked TokenRequest, known bool, service string, offline bool) {
	if !known {
		s.refuse(w, asked, http.StatusUnauthorized, "invalid_grant")
		return
	}
	if service != "" && service != s.config.Service {
		s.refuse(w, asked, http.StatusBadRequest, "invalid_request")
		return
	}
	asked.Granted, asked.Status = s.grant(asked), http.StatusOK
	now := time.Now()
	id := rand.Text()
	token, err := s.signer.sign(claims{
		Issuer: s.config.Issuer, Subject: asked.User, Audience: s.config.Service, ID: id, Access: asked.Granted,
		Expires: now.Add(s.config.Lifetime).Unix(), NotBefore: now.Unix(), Issued: now.Unix(),
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	body := map[string]any{
		"token": token, "access_token": token, "expires_in": int(s.config.Lifetime.Seconds()),
		"issued_at": now.UTC().Format(time.RFC3339), "scope": strings.Join(asked.Scopes, " "),
	}
	if offline && asked.User != "" {
		body["refresh_token"] = s.RefreshToken(asked.User)
	}
	s.record(asked, id)
	reply(w, asked.Status, body)
}

// refuse answers with an error of RFC 6749 that registries' clients find in "errors" too.
func (s *TokenServer) refuse(w http.ResponseWriter, asked TokenRequest, status int, code string) {
	asked.Status = status
	s.record(asked, "")
	reply(w, status, map[string]any{"error": code, "errors": []map[string]string{{"code": "UNAUTHORIZED", "message": code}}})
}

// record keeps a request, and the identifier of the token that was issued for it.
func (s *TokenServer) record(r TokenRequest, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	if id != "" {
		s.valid[id] = true
	}
}

// grant returns what of the scopes the policy allows.
func (s *TokenServer) grant(r TokenRequest) []Access {
	granted := []Access{}
	for _, scopes := range r.Scopes {
		for _, scope := range strings.Fields(scopes) {
			asked, ok := parseScope(scope)
			if !ok {
				continue
			}
			allowed := s.config.Policy(r.User, asked)
			asked.Actions = slices.DeleteFunc(slices.Clone(asked.Actions), func(action string) bool { return !slices.Contains(allowed, action) })
			granted = append(granted, asked)
		}
	}
	return granted
}

// parseScope reads type:name:action[,action...]; the name may have colons of its own.
func parseScope(scope string) (Access, bool) {
	kind, rest, ok := strings.Cut(scope, ":")
	last := strings.LastIndex(rest, ":")
	if !ok || last < 0 {
		return Access{}, false
	}
	return Access{kind, rest[:last], strings.Split(rest[last+1:], ",")}, true
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that hangs up is its test's affair
}
