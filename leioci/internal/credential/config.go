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

// maxConfigBytes is far larger than any real configuration, and small enough to read into memory.
const maxConfigBytes = 4 << 20

// ConfigError reports a configuration that cannot be read. Its text never shows the configuration's
// content.
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

// read returns the configuration at a place, or nil if it is the null device. The error is a
// [*ConfigError].
func (p place) read() (*configfile.ConfigFile, error) {
	data := []byte(p.inline)
	if p.path != "" {
		var err error
		if data, err = readFile(p.path); err != nil {
			if isNullDevice(p.path) {
				return nil, nil
			}
			return nil, &ConfigError{p.path, err}
		}
	}
	cfg, err := parse(data)
	if err != nil {
		return nil, &ConfigError{p.config(), err}
	}
	return cfg, nil
}

// isNullDevice reports whether a path is the null device or a link to it, which is the usual way to
// configure nothing.
func isNullDevice(path string) bool {
	if path == os.DevNull {
		return true
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().IsRegular() {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(info, null)
}

// absent reports whether err means that an optional file does not exist. A home need not be a
// directory: services have HOME=/dev/null.
func (p place) absent(err error) bool {
	return !p.required && errors.Is(err, fs.ErrNotExist) || !p.named && errors.Is(err, syscall.ENOTDIR)
}

// unreachable reports whether err means that a file is out of reach, and nobody has named it: a
// service may run with the home or the runtime directory of another user. What is there is not for
// this user then. A file that is broken is another matter: it may be the one that is meant.
func (p place) unreachable(err error) bool {
	return !p.named && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ELOOP) ||
		errors.Is(err, syscall.ENAMETOOLONG))
}

// readFile reads a regular file. Reading any other kind could block, and no context would end that.
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
		return nil, fmt.Errorf("larger than %d MiB", maxConfigBytes>>20)
	}
	return data, nil
}

// withoutPath returns the reason why a file operation failed, without the path, which [ConfigError]
// adds.
func withoutPath(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// parse parses a configuration. Errors of package json quote their input, which may be a password.
// So parse drops them, and reports only the kind of the error and its position.
func parse(data []byte) (*configfile.ConfigFile, error) {
	cfg := configfile.New("")
	err := cfg.LoadFromReader(bytes.NewReader(data))
	var syntaxErr *json.SyntaxError
	var typeErr *json.UnmarshalTypeError
	var base64Err base64.CorruptInputError
	switch {
	case err == nil:
		return cfg, nil
	case errors.As(err, &syntaxErr):
		return nil, fmt.Errorf("invalid JSON at byte %d", syntaxErr.Offset)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errors.New("invalid JSON: unexpected end")
	case errors.As(err, &typeErr):
		return nil, fmt.Errorf("not a docker configuration: wrong type of value at byte %d", typeErr.Offset)
	case errors.As(err, &base64Err):
		return nil, errors.New(`not a docker configuration: "auth" is not base64`)
	default:
		return nil, errors.New(`not a docker configuration: "auth" is not the base64 of user:password`)
	}
}

// nonEmptyAuths returns the entries of a configuration that have any content. docker leaves empty
// entries for credentials that a credential helper stores.
func nonEmptyAuths(cfg *configfile.ConfigFile) map[string]types.AuthConfig {
	nonEmpty := map[string]types.AuthConfig{}
	for key, entry := range cfg.AuthConfigs {
		entry.ServerAddress = "" // a copy of the key
		if entry != (types.AuthConfig{}) {
			nonEmpty[key] = entry
		}
	}
	return nonEmpty
}
