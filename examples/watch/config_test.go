package main

import (
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
	"time"
)

func TestAFlagGoesBeforeItsVariableAndThatBeforeTheDefault(t *testing.T) {
	env := map[string]string{
		"LEI_WATCH_REF": "ghcr.io/org/lei-cache", "LEI_WATCH_DIR": "/data/env", "LEI_WATCH_MAX_AGE": "48h",
		"LEI_WATCH_PLAIN_HTTP": "true", "LEI_REGISTRY_TOKEN": "token",
	}
	c, err := parseConfig([]string{"-dir", "/data/flag"}, func(name string) string { return env[name] }, nil)
	must(t, err)
	if c.ref.Name() != "ghcr.io/org/lei-cache:latest" || c.dir != "/data/flag" || c.maxAge != 48*time.Hour || !c.plainHTTP ||
		c.interval != time.Hour || c.listen != "127.0.0.1:8080" || c.token != "token" {
		t.Errorf("got %+v", c)
	}
}

func TestWrongFlagsAreRefusedByName(t *testing.T) {
	good := []string{"-ref", "ghcr.io/org/lei-cache", "-dir", "d"}
	for _, tc := range []struct {
		args []string
		env  map[string]string
		says string
	}{
		{args: nil, says: "-ref is required"},
		{args: []string{"-ref", "ghcr.io/a/b"}, says: "-dir is required"},
		{args: []string{"-ref", "nonsense", "-dir", "d"}, says: "invalid reference"},
		{args: append([]string{"-interval", "0s"}, good...), says: "-interval"},
		{args: append([]string{"-interval", "3600ns"}, good...), says: "-interval"},
		{args: append([]string{"-first-look", "x"}, good...), says: "-first-look"},
		{args: append([]string{"-listen", "8080"}, good...), says: "-listen"},
		{args: append([]string{"-max-age", "-1s"}, good...), says: "-max-age"},
		{args: append([]string{"-max-content", "0"}, good...), says: "-max-content"},
		{args: append([]string{"-policy", "absent.json"}, good...), says: "-policy"},
		{args: append([]string{"-log-level", "loud"}, good...), says: "-log-level"},
		{args: append([]string{"-nonsense"}, good...), says: "-nonsense"},
		{args: append(good[:4:4], "more"), says: "more"},
		{args: good, env: map[string]string{"LEI_WATCH_INTERVAL": "soon"}, says: "LEI_WATCH_INTERVAL"},
	} {
		_, err := parseConfig(tc.args, func(name string) string { return tc.env[name] }, nil)
		if err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%q, %v: got %v, want %q", tc.args, tc.env, err, tc.says)
		}
	}
}

func TestHelpNamesEveryFlag(t *testing.T) {
	var out strings.Builder
	if _, err := parseConfig([]string{"-h"}, noEnvironment, &out); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("got %v", err)
	}
	doc, err := os.ReadFile("doc.go")
	must(t, err)
	for _, name := range []string{"-ref", "-dir", "-listen", "-interval", "-first-look", "-allow-older", "-max-age", "-max-content", "-plain-http", "-ca-file", "-policy", "-log-level"} {
		if !strings.Contains(out.String(), "  "+name) || !strings.Contains(string(doc), "//\t"+name+" ") {
			t.Errorf("%s is missing from the help or from the package comment", name)
		}
	}
}
