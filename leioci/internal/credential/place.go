package credential

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
)

// A place is where credentials may be: a file, or the content of a variable.
type place struct {
	name     string // what users know it by
	path     string // of the file; empty for a variable's content
	inline   string // the variable's content
	unset    bool   // there is no such variable, or no directory to look into
	required bool   // an absent file is an error
	atHome   bool   // nobody has named it
}

// config is how errors and explanations call the place.
func (p place) config() string {
	if p.path != "" {
		return p.path
	}
	return p.name
}

// defaultPlaces are those of docker and podman, in order.
func defaultPlaces(env environ) []place {
	home := env.home()
	xdg := env.get("XDG_CONFIG_HOME")
	if xdg == "" && home != "" {
		xdg = filepath.Join(home, ".config")
	}
	inline := env.get(configfile.DockerEnvConfigKey)
	return []place{
		file("REGISTRY_AUTH_FILE", env.get("REGISTRY_AUTH_FILE")),
		{name: configfile.DockerEnvConfigKey, inline: inline, unset: inline == ""},
		file("DOCKER_CONFIG", env.get("DOCKER_CONFIG"), config.ConfigFileName),
		atHome(file("docker, home directory", home, ".docker", config.ConfigFileName)),
		file("podman, XDG_RUNTIME_DIR", env.get("XDG_RUNTIME_DIR"), "containers", "auth.json"),
		atHome(file("podman, XDG_CONFIG_HOME or home directory", xdg, "containers", "auth.json")),
	}
}

// file is the file at these elements of a path. There is none without the first.
func file(name, dir string, elem ...string) place {
	if dir == "" {
		return place{name: name, unset: true}
	}
	return place{name: name, path: filepath.Join(append([]string{dir}, elem...)...)}
}

func atHome(p place) place {
	p.atHome = true
	return p
}

// given is the configuration file or directory that a program asks for. There must be one, but as with docker,
// there need not be a file in the directory.
func given(path string) place {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return file("configuration", path, config.ConfigFileName)
	}
	return place{name: "configuration", path: filepath.Clean(path), required: true}
}

// environ is an environment, as [os.Environ] returns it.
type environ []string

// get returns a variable's last value, as [os/exec] does.
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

// home returns the home directory, or nothing.
func (e environ) home() string {
	if runtime.GOOS == "windows" {
		return e.get("USERPROFILE")
	}
	return e.get("HOME")
}
