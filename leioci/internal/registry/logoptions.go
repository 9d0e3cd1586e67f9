package registry

import (
	"github.com/sirupsen/logrus"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// naming returns a logger for a message that names options. They are in the field "options", so that
// a program whose users do not know the library can say something else.
func naming(log logrus.FieldLogger, options ...errdef.Option) logrus.FieldLogger {
	if len(options) == 0 {
		return log
	}
	return log.WithField("options", options)
}
