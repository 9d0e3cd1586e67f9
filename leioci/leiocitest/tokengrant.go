package leiocitest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// get answers a GET as in the token specification.
func (s *TokenServer) get(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	req := TokenRequest{Grant: "anonymous", Scopes: query["scope"]}
	user, password, hasAuth := r.BasicAuth()
	if hasAuth {
		req.Grant, req.User = "basic", user
	}
	authenticated := !hasAuth || s.checkPassword(user, password)
	s.answer(w, req, authenticated, query.Get("service"), query.Get("offline_token") == "true")
}

// post answers a POST as in its OAuth2 form.
func (s *TokenServer) post(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "invalid form", http.StatusBadRequest)
		return
	}
	form := r.PostForm
	req := TokenRequest{Grant: form.Get("grant_type"), Scopes: form["scope"]}
	var authenticated bool
	switch req.Grant {
	case "password":
		req.User = form.Get("username")
		authenticated = s.checkPassword(req.User, form.Get("password"))
	case "refresh_token":
		s.mu.Lock()
		token := form.Get("refresh_token")
		if req.User, authenticated = s.refresh[token]; s.config.RotateRefreshTokens {
			delete(s.refresh, token)
		}
		s.mu.Unlock()
	default:
		s.refuse(w, req, http.StatusBadRequest, "unsupported_grant_type")
		return
	}
	rotate := s.config.RotateRefreshTokens && req.Grant == "refresh_token"
	s.answer(w, req, authenticated, form.Get("service"), form.Get("access_type") == "offline" || rotate)
}

func (s *TokenServer) checkPassword(user, password string) bool {
	want, ok := s.config.Users[user]
	return ok && password == want
}

// answer issues a token, or sends an error that says why not.
func (s *TokenServer) answer(
	w http.ResponseWriter, req TokenRequest, authenticated bool, service string, offline bool,
) {
	if !authenticated {
		s.refuse(w, req, http.StatusUnauthorized, "invalid_grant")
		return
	}
	if service != "" && service != s.config.Service {
		s.refuse(w, req, http.StatusBadRequest, "invalid_request")
		return
	}
	req.Granted, req.Status = s.grant(req), http.StatusOK
	now := time.Now()
	id := rand.Text()
	token, err := s.signer.sign(claims{
		Issuer: s.config.Issuer, Subject: req.User, Audience: s.config.Service, ID: id, Access: req.Granted,
		Expires: now.Add(s.config.Lifetime).Unix(), NotBefore: now.Unix(), Issued: now.Unix(),
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	body := map[string]any{
		"token": token, "access_token": token, "expires_in": int(s.config.Lifetime.Seconds()),
		"issued_at": now.UTC().Format(time.RFC3339), "scope": strings.Join(req.Scopes, " "),
	}
	if offline && req.User != "" {
		body["refresh_token"] = s.RefreshToken(req.User)
	}
	s.record(req, id)
	writeJSON(w, req.Status, body)
}

// refuse answers with an error as in RFC 6749, and repeats it under "errors", where clients of
// registries look.
func (s *TokenServer) refuse(w http.ResponseWriter, req TokenRequest, status int, code string) {
	req.Status = status
	s.record(req, "")
	writeJSON(w, status, map[string]any{
		"error": code, "errors": []map[string]string{{"code": "UNAUTHORIZED", "message": code}},
	})
}

// record stores a request, and the ID of the token issued for it, if any.
func (s *TokenServer) record(r TokenRequest, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	if id != "" {
		s.valid[id] = true
	}
}

// grant returns the part of the requested scopes that the policy allows.
func (s *TokenServer) grant(r TokenRequest) []Access {
	granted := []Access{}
	for _, scopes := range r.Scopes {
		for _, scope := range strings.Fields(scopes) {
			access, ok := parseScope(scope)
			if !ok {
				continue
			}
			allowed := s.config.Policy(r.User, access)
			access.Actions = slices.DeleteFunc(slices.Clone(access.Actions), func(action string) bool {
				return !slices.Contains(allowed, action)
			})
			granted = append(granted, access)
		}
	}
	return granted
}

// parseScope parses type:name:action[,action...]. The name may itself contain colons.
func parseScope(scope string) (Access, bool) {
	kind, rest, ok := strings.Cut(scope, ":")
	last := strings.LastIndex(rest, ":")
	if !ok || last < 0 {
		return Access{}, false
	}
	return Access{kind, rest[:last], strings.Split(rest[last+1:], ",")}, true
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client may hang up; the test will notice
}
