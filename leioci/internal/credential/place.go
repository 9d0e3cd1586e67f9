package credential

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
)

// A place is where credentials may be found: a file, or the content of a variable.
type place struct {
	name     string // as shown to users
	path     string // of the file; empty for a variable's content
	inline   string // the variable's content
	unset    bool   // the variable is not set, or there is no directory to look in
	named    bool   // the user has named it, and did not just have it by default
	required bool   // an absent file is an error
}

// config is the name of the configuration in errors and explanations.
func (p place) config() string {
	if p.path != "" {
		return p.path
	}
	return p.name
}

// defaultPlaces returns the places that docker and podman use, in order. See [Options] for runDir.
func defaultPlaces(env environ, runDir string) []place {
	home := env.home()
	xdg := env.get("XDG_CONFIG_HOME")
	if xdg == "" && home != "" {
		xdg = filepath.Join(home, ".config")
	}
	inline := env.get(configfile.DockerEnvConfigKey)
	return []place{
		named(filePlace("REGISTRY_AUTH_FILE", env.get("REGISTRY_AUTH_FILE"))),
		{name: configfile.DockerEnvConfigKey, inline: inline, unset: inline == "", named: true},
		named(filePlace("DOCKER_CONFIG", env.get("DOCKER_CONFIG"), config.ConfigFileName)),
		filePlace("docker, home directory", home, ".docker", config.ConfigFileName),
		sessionPlace(env, runDir),
		filePlace("podman, XDG_CONFIG_HOME or home directory", xdg, "containers", "auth.json"),
	}
}

// sessionPlace returns podman's place for credentials until the next boot. Users without a
// XDG_RUNTIME_DIR, such as root under sudo, have a directory of their own below runDir.
func sessionPlace(env environ, runDir string) place {
	if dir := env.get("XDG_RUNTIME_DIR"); dir != "" || runDir == "" {
		return filePlace("podman, XDG_RUNTIME_DIR", dir, "containers", "auth.json")
	}
	return filePlace("podman, runtime directory", runDir, "containers", strconv.Itoa(os.Getuid()), "auth.json")
}

// filePlace returns the place for the file at the joined path elements. The place is unset if dir
// is empty.
func filePlace(name, dir string, elem ...string) place {
	if dir == "" {
		return place{name: name, unset: true}
	}
	return place{name: name, path: filepath.Join(append([]string{dir}, elem...)...)}
}

func named(p place) place {
	p.named = true
	return p
}

// explicitPlace returns the place for a configuration file or directory that the caller names. It
// must exist, but as in docker, the directory need not contain a file.
func explicitPlace(path string) place {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return named(filePlace("configuration", path, config.ConfigFileName))
	}
	return place{name: "configuration", path: filepath.Clean(path), named: true, required: true}
}

// environ is an environment in the format of [os.Environ].
type environ []string

// get returns a variable's value, the last one if it is set several times, as in [os/exec].
func (e environ) get(name string) string {
	var value string
	for _, entry := range e {
		key, v, _ := strings.Cut(entry, "=")
		if key == name || runtime.GOOS == "windows" && strings.EqualFold(key, name) {
			value = v
		}
	}
	return value
}

// home returns the home directory, or "".
func (e environ) home() string {
	if runtime.GOOS == "windows" {
		return e.get("USERPROFILE")
	}
	return e.get("HOME")
}
