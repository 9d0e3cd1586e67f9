package snapshot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"unicode/utf8"
)

// decodeObject decodes exactly one JSON object (RFC 8259) into the struct that v points to. Its
// errors are short whatever data holds, and name JSON members rather than Go types.
func decodeObject(data []byte, v any) error {
	// encoding/json would replace invalid UTF-8, and so change names. RFC 8259, section 8.1,
	// forbids such input.
	if !utf8.Valid(data) {
		return errors.New("not UTF-8")
	}
	err := json.Unmarshal(data, v)
	if typeErr := (*json.UnmarshalTypeError)(nil); errors.As(err, &typeErr) {
		if typeErr.Field == "" {
			return errors.New("not a JSON object")
		}
		return fmt.Errorf("%s is not %s", typeErr.Field, jsonTypeName(typeErr.Type))
	}
	if err != nil {
		return err
	}
	// Unmarshal accepts null for any type.
	if !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
		return errors.New("not a JSON object")
	}
	return nil
}

// jsonTypeName returns the name of the JSON type that decodes into t, with its article.
func jsonTypeName(t reflect.Type) string {
	if t.Kind() == reflect.String {
		return "a string"
	}
	return "an object"
}
