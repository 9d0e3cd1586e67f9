package staging

import "errors"

// errInUse is returned for a lock that someone else holds.
var errInUse = errors.New("in use")
