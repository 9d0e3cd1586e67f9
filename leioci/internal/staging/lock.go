package staging

import "errors"

// errInUse is the error of taking a lock that another holds.
var errInUse = errors.New("it is in use")
