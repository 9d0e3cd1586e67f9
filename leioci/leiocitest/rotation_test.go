package leiocitest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

func TestARotatedRefreshTokenIsValidOnce(t *testing.T) {
	server := leiocitest.NewTokenServer(t, leiocitest.TokenConfig{RotateRefreshTokens: true})
	first := server.RefreshToken("bob")
	exchange := func(token string) (status int, next string) {
		form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.Realm(), strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var body struct {
			RefreshToken string `json:"refresh_token"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, body.RefreshToken
	}
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	status, second := exchange(first)
	if status != http.StatusOK || second == "" || second == first {
		t.Errorf("the first use: %d, %q", status, second)
	}
	if status, _ := exchange(first); status != http.StatusUnauthorized {
		t.Errorf("the second use: %d", status)
	}
	if status, _ := exchange(second); status != http.StatusOK {
		t.Errorf("the next token: %d", status)
	}
}
