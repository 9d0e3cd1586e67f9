package staging

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Only some platforms use the exchange in steps, but it is tested on all of them.
func TestExchangeInStepsSwapsOrChangesNothing(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	for _, d := range []string{a, b} {
		if err := errors.Join(os.Mkdir(d, 0o700), os.WriteFile(filepath.Join(d, "from"), []byte(filepath.Base(d)), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	from := func(d string) string {
		data, err := os.ReadFile(filepath.Join(d, "from"))
		if err != nil {
			t.Error(err)
		}
		return string(data)
	}
	if err := exchangeInSteps(osDisk{}, a, b); err != nil {
		t.Fatal(err)
	}
	if from(a) != "b" || from(b) != "a" {
		t.Errorf("a holds %s, b holds %s", from(a), from(b))
	}
	if err := exchangeInSteps(osDisk{}, filepath.Join(dir, "absent"), b); !errors.Is(err, fs.ErrNotExist) || from(b) != "a" {
		t.Errorf("got %v, and b holds %s", err, from(b))
	}
	if err := moveIfAbsent(a, b); !errors.Is(err, fs.ErrExist) || from(b) != "a" {
		t.Errorf("got %v, and b holds %s", err, from(b))
	}
}
