package credential

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/lowendinsight/lei-go/leioci/internal/regular"
)

// maxConfigBytes is far larger than any real configuration, and small enough to read into memory.
const maxConfigBytes = 4 << 20

// ConfigError reports a configuration that cannot be read, or whose entry for the target is
// malformed. Its text names the configuration and the entry, and never shows a value.
type ConfigError struct {
	// Config is the file's path, or DOCKER_AUTH_CONFIG.
	Config string
	// Err is the cause, for example [fs.ErrPermission].
	Err error
}

// Error names the configuration and what is wrong with it.
func (e *ConfigError) Error() string {
	return printable(fmt.Sprintf("credentials in %s: %v; correct it, or remove it and log in again", e.Config, e.Err))
}

// Unwrap returns the cause.
func (e *ConfigError) Unwrap() error { return e.Err }

// read returns the configuration at a place, or nil if it is the null device. The error is a
// [*ConfigError].
func (p place) read() (*configuration, error) {
	data := []byte(p.inline)
	if p.path != "" {
		var err error
		if data, err = readFile(p.path); err != nil {
			if !errors.Is(err, fs.ErrNotExist) && isNullDevice(p.path) {
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
	data, err := io.ReadAll(io.LimitReader(f, maxConfigBytes+1)) // parse refuses the byte too many
	return data, withoutPath(err)
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

// byteOrderMark is what some programs on Windows write before UTF-8.
func byteOrderMark() []byte { return []byte("\ufeff") }

// parse parses a configuration. Errors of package json quote their input, which may be a password.
// So parse drops them, and reports only the kind of the error and its position. As in docker, an
// empty configuration has no entries.
func parse(data []byte) (*configuration, error) {
	if len(data) > maxConfigBytes {
		return nil, fmt.Errorf("larger than %d MiB", maxConfigBytes>>20)
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return nil, errors.New("encoded as UTF-16, want UTF-8") // as Windows PowerShell writes by default
	}
	cfg := &configuration{}
	err := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, byteOrderMark()))).Decode(cfg)
	var syntaxErr *json.SyntaxError
	var typeErr *json.UnmarshalTypeError
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return cfg, nil
	case errors.As(err, &syntaxErr):
		return nil, fmt.Errorf("invalid JSON at byte %d", syntaxErr.Offset)
	case errors.As(err, &typeErr):
		return nil, fmt.Errorf("not a docker configuration: wrong type of value at byte %d", typeErr.Offset)
	default:
		return nil, errors.New("invalid JSON: unexpected end")
	}
}
