package leioci_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci"
	"github.com/lowendinsight/lei-go/leioci/leiocitest"
)

// everything does all that a client can do with a repository, and returns the texts of the errors.
func everything(t *testing.T, c *leioci.Client, repo name.Repository) string {
	t.Helper()
	ctx := t.Context()
	_, manifest := c.PullManifest(ctx, repo.Tag("latest"))
	_, snapshot := c.PullSnapshot(ctx, repo.Tag("latest"), t.TempDir())
	rc, blob := c.PullBlob(ctx, repo.Digest("sha256:"+strings.Repeat("a", 64)))
	if blob == nil {
		_, blob = io.Copy(io.Discard, rc)
		rc.Close()
	}
	_, list := c.Tags(ctx, repo)
	m, blobs := sample(t)
	_, push := c.Push(ctx, repo, []string{"latest"}, m, blobs)
	return errors.Join(manifest, snapshot, blob, list, push).Error()
}

// loggingTo logs everything to a buffer.
func loggingTo(b *bytes.Buffer) leioci.Option {
	l := logrus.New()
	l.SetOutput(b)
	l.SetLevel(logrus.TraceLevel)
	return leioci.WithLogger(l)
}

func TestCredentialsThatARegistryRepeatsAreShownNowhere(t *testing.T) {
	const user, password = "user", "s3cretPassw0rd"
	basic := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	header := func(status int, name, value string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(name, value)
			w.WriteHeader(status)
		}
	}
	document := func(mediaType, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", mediaType)
			_, _ = io.WriteString(w, text)
		}
	}
	for what, h := range map[string]http.HandlerFunc{
		"a challenge without a realm":    header(401, "WWW-Authenticate", `Bearer service="`+password+`"`),
		"the scheme of a token server":   header(401, "WWW-Authenticate", `Bearer realm="`+password+`://auth.example/"`),
		"a realm that is no URL":         header(401, "WWW-Authenticate", `Bearer realm="https://[`+password+`/"`),
		"the host of a token server":     header(401, "WWW-Authenticate", `Bearer realm="https://`+password+`.example/"`),
		"a host in capitals":             header(401, "WWW-Authenticate", `Bearer realm="https://`+strings.ToUpper(password)+`.example/"`),
		"the path of a token server":     header(401, "WWW-Authenticate", `Bearer realm="https://auth.example/`+basic+`"`),
		"the host of a redirect":         header(307, "Location", "https://"+password+".example/"),
		"the path of a redirect":         header(307, "Location", "https://storage.example/"+password),
		"an encoded path of a redirect":  header(307, "Location", "https://storage.example/%73"+password[1:]),
		"the scheme of a redirect":       header(307, "Location", password+"://storage.example/"),
		"a redirect to http":             header(307, "Location", "http://storage.example/"+password),
		"a redirect to no URL":           header(307, "Location", "https://storage.example/"+password+"/%zz"),
		"a redirect to a private host":   header(307, "Location", "https://10.0.0.9/"+password),
		"a redirect to a Unicode host":   header(307, "Location", "https://é."+password+"/"),
		"a query with a space":           header(307, "Location", "https://storage.example/?a=b c&sig="+password),
		"a query with a quotation mark":  header(307, "Location", `https://storage.example/?a="b"&sig=`+password),
		"a query that begins with one":   header(307, "Location", `https://storage.example/?"`+password),
		"a fragment":                     header(307, "Location", "https://storage.example/#"+password),
		"an opaque URL":                  header(307, "Location", "https:"+password),
		"a password of a URL":            header(307, "Location", `https://u:"/`+password+"@storage.example/"),
		"where to upload":                header(202, "Location", "https://"+password+".example/"+password),
		"the media type of a manifest":   document("application/vnd.oci.image.manifest.v1+json", `{"schemaVersion":2,"mediaType":"`+password+`"}`),
		"the name of a list of tags":     document("application/json", `{"name":"`+password+`","tags":"`+password+`"}`),
		"a header's media type":          document(password, "{}"),
		"a digest":                       header(200, "Docker-Content-Digest", password),
		"where the next page of tags is": header(200, "Link", "<https://"+password+".example/>; rel=next"),
	} {
		registry := func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Header.Get("Authorization") == "":
				header(401, "WWW-Authenticate", `Basic realm="registry"`)(w, r)
			case r.URL.Path != "/v2/":
				h(w, r)
			}
		}
		var log bytes.Buffer
		c := newClient(t, leioci.WithTransport(&web{servers: map[string]http.Handler{"https://registry.example": http.HandlerFunc(registry)}}),
			leioci.WithAuth("registry.example", &authn.Basic{Username: user, Password: password}),
			leioci.WithRetry(leioci.RetryPolicy{Attempts: 1}), loggingTo(&log))
		repo, err := leioci.ParseRepository("registry.example/org/lei-cache")
		must(t, err)
		text := everything(t, c, repo)
		for _, secret := range []string{password, basic} {
			if strings.Contains(strings.ToLower(text), strings.ToLower(secret)) {
				t.Errorf("%s is in an error: %s", what, text)
			}
			if strings.Contains(strings.ToLower(log.String()), strings.ToLower(secret)) {
				t.Errorf("%s is in the log: %s", what, log.String())
			}
		}
	}
}

func TestThePasswordThatAProxyRepeatsIsShownNowhere(t *testing.T) {
	n := leiocitest.NewNetwork(t)
	n.Serve("proxy.example:3128", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, encoded, _ := strings.Cut(r.Header.Get("Proxy-Authorization"), " ")
		decoded, _ := base64.StdEncoding.DecodeString(encoded)
		w.Header().Set("Location", "http://registry.example/"+url.PathEscape(string(decoded)))
		w.WriteHeader(map[bool]int{true: http.StatusTemporaryRedirect, false: http.StatusProxyAuthRequired}[strings.Contains(r.URL.Path, "/tags/")])
		_, _ = io.WriteString(w, "not allowed: "+encoded+", which is "+string(decoded))
	}))
	transport := n.Transport()
	transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example:3128", User: url.UserPassword("me", secretPassword)})
	var log bytes.Buffer
	c := newClient(t, leioci.WithTransport(transport), leioci.WithPlainHTTP("registry.example"), loggingTo(&log))
	repo, err := leioci.ParseRepository("registry.example/org/lei-cache")
	must(t, err)
	text := everything(t, c, repo)
	if !strings.Contains(text, "not allowed: ..., which is ...") {
		t.Errorf("got %s", text)
	}
	if all := text + log.String(); strings.Contains(all, secretPassword) {
		t.Errorf("got %s", all)
	}
}
