package registry_test

import (
	"net/http"
	"os"
	"os/exec"
	"testing"

	"github.com/lowendinsight/lei-go/leioci/internal/registry"
)

// inProcessOfItsOwn reports whether the test has its process for itself. If not, it runs it in one.
func inProcessOfItsOwn(t *testing.T) bool {
	t.Helper()
	const inChild = "LEIOCI_TEST_CHILD"
	if os.Getenv(inChild) != "" {
		return true
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), inChild+"=1")
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	return false
}

// TestWhatIsForThisMachineGoesToNoProxy runs in a process of its own, as net/http reads the
// environment's proxies once.
func TestWhatIsForThisMachineGoesToNoProxy(t *testing.T) {
	if !inProcessOfItsOwn(t) {
		return
	}
	t.Setenv("HTTP_PROXY", "http://proxy.example:3128")
	proxy := registry.NewTransport(nil, nil).(*http.Transport).Proxy
	for url, want := range map[string]bool{
		"http://registry.localhost:5000/": false, "http://a.b.LOCALHOST/": false, "http://localhost:5000/": false, "http://localhost./": false, "http://LOCALHOST/": false,
		"http://127.0.0.1:5000/": false, "http://[::1]:5000/": false, "http://[::ffff:127.0.0.1]/": false,
		"http://registry.example/": true, "http://localhost.example/": true, "http://10.0.0.5/": true,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if p, err := proxy(req); err != nil || (p != nil) != want {
			t.Errorf("%s: got %v, %v", url, p, err)
		}
	}
}
