package snapshot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"unicode/utf8"
)

// decodeObject decodes one JSON object and nothing else (RFC 8259) into the struct that v points to.
// Its errors are short whatever data holds, and name members rather than Go types.
func decodeObject(data []byte, v any) error {
	// encoding/json would replace what is not UTF-8, and so change names; RFC 8259, section 8.1, does not allow it.
	if !utf8.Valid(data) {
		return errors.New("not UTF-8")
	}
	err := json.Unmarshal(data, v)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		if wrong.Field == "" {
			return errors.New("not a JSON object")
		}
		return fmt.Errorf("%s is not %s", wrong.Field, describe(wrong.Type))
	}
	if err != nil {
		return err
	}
	// Unmarshal takes null for any type.
	if !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
		return errors.New("not a JSON object")
	}
	return nil
}

// describe says in JSON's words what decodes into t.
func describe(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Int64:
		return "a whole number of 64 bits"
	case reflect.Slice:
		return "an array"
	default:
		return "an object"
	}
}
