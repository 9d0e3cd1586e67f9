package credential

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/google/go-containerregistry/pkg/authn"
)

// configuration is the part of docker's config.json, and of podman's auth.json, that is about
// credentials. Entries are decoded when a target needs them, so that a malformed one fails only the
// targets it is for. docker/cli refuses the whole file.
type configuration struct {
	Auths       map[string]json.RawMessage `json:"auths"`
	CredHelpers map[string]json.RawMessage `json:"credHelpers"`
	CredsStore  json.RawMessage            `json:"credsStore"`
}

// An entry holds the credentials of an entry of auths, or why it is malformed.
type entry struct {
	auth authn.AuthConfig
	err  error
}

// entries returns the entries of auths that are valid for target and have any content. docker
// leaves empty entries for credentials that a credential helper stores.
func (c *configuration) entries(target scope) map[string]entry {
	found := map[string]entry{}
	for key, value := range c.Auths {
		if !parseKey(key).covers(target) {
			continue
		}
		if auth, err := decodeEntry(value); err != nil || auth != (authn.AuthConfig{}) {
			found[key] = entry{auth, err}
		}
	}
	return found
}

// decodeEntry decodes an entry of auths. As in docker, "auth" replaces the user name and password
// beside it; beside a token it is only a user name, and need not be there.
func decodeEntry(data json.RawMessage) (authn.AuthConfig, error) {
	var e struct {
		Username      string `json:"username"`
		Password      string `json:"password"`
		Auth          string `json:"auth"`
		IdentityToken string `json:"identitytoken"`
		RegistryToken string `json:"registrytoken"`
	}
	if err := decode(data, &e); err != nil {
		return authn.AuthConfig{}, err
	}
	username, password, err := decodeAuth(e.Auth)
	switch hasToken := e.IdentityToken != "" || e.RegistryToken != ""; {
	case err == nil && username != "":
		e.Username, e.Password = username, password
	case err != nil && !hasToken:
		return authn.AuthConfig{}, err
	}
	return authn.AuthConfig{
		Username: e.Username, Password: e.Password, IdentityToken: e.IdentityToken, RegistryToken: e.RegistryToken,
	}, nil
}

// decode decodes a value whose syntax has been checked. The error does not quote it.
func decode(data json.RawMessage, into any) error {
	if len(data) == 0 {
		return nil // not in the configuration
	}
	err := json.Unmarshal(data, into)
	var typeErr *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &typeErr):
		return fmt.Errorf("wrong type of value at byte %d of it", typeErr.Offset)
	default:
		return errors.New("invalid value")
	}
}

// decodeAuth decodes the base64 of user:password. It accepts what the tools that write these files
// produce, and what others that read them accept: either alphabet of RFC 4648, with or without
// padding, and broken into lines. As docker does, it drops NUL bytes around the password.
func decodeAuth(auth string) (username, password string, err error) {
	normalize := func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return -1
		case r == '-':
			return '+'
		case r == '_':
			return '/'
		default:
			return r
		}
	}
	auth = strings.TrimRight(strings.Map(normalize, auth), "=")
	if auth == "" {
		return "", "", nil
	}
	decoded, err := base64.RawStdEncoding.DecodeString(auth)
	if err != nil { // it quotes a byte of its input
		return "", "", errors.New(`"auth" is not base64`)
	}
	username, password, ok := strings.Cut(string(decoded), ":")
	if !ok || username == "" {
		return "", "", errors.New(`"auth" is not the base64 of user:password`)
	}
	return username, strings.Trim(password, "\x00"), nil
}

// A query asks a helper for a server's credentials. There is at most one run for a query at a time.
type query struct {
	helper string // the name in the configuration, without docker-credential-
	server scope
}

func (q query) program() string { return "docker-credential-" + q.helper }

// A candidate is a query that a configuration asks for, with the key of the entry that does so, or
// why that entry is malformed.
type candidate struct {
	query
	key string
	err error
}

// candidates returns the helper queries for target, in order. As in docker, an empty name in
// credHelpers means no helper for this registry, not even the credsStore. A helper is queried for
// the registry, unless its entry names a path.
func (c *configuration) candidates(target scope) []candidate {
	var found []candidate
	if key := match(c.CredHelpers, target); key != "" {
		var helper string
		if err := decode(c.CredHelpers[key], &helper); err != nil {
			return []candidate{{err: fmt.Errorf("credHelpers %q: %w", withoutUser(key), err)}}
		}
		if helper == "" {
			return nil
		}
		found = append(found, candidate{query: query{helper, parseKey(key)}, key: withoutUser(key)})
	}
	var store string
	if err := decode(c.CredsStore, &store); err != nil {
		return append(found, candidate{err: fmt.Errorf("credsStore: %w", err)})
	}
	registry := scope{host: target.host}
	if q := (query{store, registry}); store != "" && (len(found) == 0 || found[0].query != q) {
		found = append(found, candidate{query: q, key: registry.String()})
	}
	return found
}

// withoutUser returns a key as it may be shown: a URL may contain a user name and a password.
func withoutUser(key string) string {
	scheme, address, isURL := strings.Cut(key, "://")
	authority := address
	if end := strings.IndexAny(address, "/?#"); end >= 0 {
		authority = address[:end]
	}
	at := strings.LastIndex(authority, "@")
	if !isURL || at < 0 {
		return key
	}
	return scheme + "://" + address[at+1:]
}
