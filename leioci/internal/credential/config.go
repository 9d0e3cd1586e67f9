package credential

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"

	"github.com/lowendinsight/lei-go/leioci/internal/regular"
)

// maxConfigBytes is far more than any configuration has, and little enough to read.
const maxConfigBytes = 4 << 20

// ConfigError is a configuration that cannot be read. Its text never shows what is in there.
type ConfigError struct {
	// Config is the file's path, or DOCKER_AUTH_CONFIG.
	Config string
	Err    error
}

// Error names the configuration and what is wrong with it.
func (e *ConfigError) Error() string {
	return fmt.Sprintf("credentials in %s: %v; correct it, or remove it and log in again", e.Config, e.Err)
}

// Unwrap returns the cause.
func (e *ConfigError) Unwrap() error { return e.Err }

// read returns the configuration of a place, or nil where it has none.
func (p place) read() (*configfile.ConfigFile, error) {
	data := []byte(p.inline)
	if p.path == os.DevNull { // the usual way to have none
		return nil, nil
	}
	if p.path != "" {
		var err error
		if data, err = readFile(p.path); p.absent(err) {
			return nil, nil
		} else if err != nil {
			return nil, &ConfigError{p.path, err}
		}
	}
	cfg, err := parse(data)
	if err != nil {
		return nil, &ConfigError{p.config(), err}
	}
	return cfg, nil
}

// absent reports whether there is no such file, where there need not be one. A home may be no directory: services have
// HOME=/dev/null.
func (p place) absent(err error) bool {
	return !p.required && (errors.Is(err, fs.ErrNotExist) || p.atHome && errors.Is(err, syscall.ENOTDIR))
}

// readFile reads a regular file. Another kind could keep the caller waiting beyond any context.
func readFile(path string) ([]byte, error) {
	f, _, err := regular.Open(path)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxConfigBytes+1))
	if err != nil {
		return nil, withoutPath(err)
	}
	if len(data) > maxConfigBytes {
		return nil, fmt.Errorf("more than %d MiB", maxConfigBytes>>20)
	}
	return data, nil
}

// withoutPath returns why a file operation failed; which file it was, [ConfigError] says.
func withoutPath(err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// parse reads a configuration. Errors of package json quote what they met, which may be a password: they are not
// kept, only the kind and the place are.
func parse(data []byte) (*configfile.ConfigFile, error) {
	cfg := configfile.New("")
	err := cfg.LoadFromReader(bytes.NewReader(data))
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	var encoding base64.CorruptInputError
	switch {
	case err == nil:
		return cfg, nil
	case errors.As(err, &syntax):
		return nil, fmt.Errorf("not JSON at byte %d", syntax.Offset)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("not JSON: ends in the middle")
	case errors.As(err, &kind):
		return nil, fmt.Errorf("not a docker configuration: wrong type of value at byte %d", kind.Offset)
	case errors.As(err, &encoding):
		return nil, errors.New(`not a docker configuration: an "auth" that is not base64`)
	default:
		return nil, errors.New(`not a docker configuration: an "auth" that is not the base64 of user:password`)
	}
}

// auths returns the entries of a configuration that have something in them. docker leaves empty ones for what a
// credential helper keeps.
func auths(cfg *configfile.ConfigFile) map[string]types.AuthConfig {
	filled := map[string]types.AuthConfig{}
	for key, entry := range cfg.AuthConfigs {
		entry.ServerAddress = "" // the key again
		if entry != (types.AuthConfig{}) {
			filled[key] = entry
		}
	}
	return filled
}
