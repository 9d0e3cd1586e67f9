package ociarchive

import (
	"errors"
	"fmt"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
	"github.com/lowendinsight/lei-go/leioci/internal/regular"
)

// layoutVersion is the only version of the OCI image layout that there is.
const layoutVersion = "1.0.0"

// irregularAdvice says what to do about what is not a file, or "".
func irregularAdvice(err error) string {
	if !errors.Is(err, regular.ErrNotRegular) {
		return ""
	}
	return "; blobs are read from anywhere in an archive, which a pipe, standard input or a device does not allow: " +
		"write it to a file first; for a directory, use oci-layout:DIR"
}

// checkLayout returns an error unless an archive has the entries that an OCI image layout must have.
// It says what the archive may be instead.
func (c *contents) checkLayout(path string) error {
	has := func(name string) bool { _, ok := c.entries[name]; return ok }
	var why string
	switch {
	case has(layoutName) && has(indexName):
		return nil
	case !c.any:
		why = "it is empty"
	case has(dockerName) && !has(layoutName):
		why = fmt.Sprintf("it is an archive of docker save, without an OCI layout, and so without the artifact's manifest; "+
			"save it anew: skopeo copy docker://REF oci-archive:%s", path)
	case c.beneath != "":
		why = fmt.Sprintf("the layout is in the directory %q of the archive, not at its top; write it with tar -C %s -cf NEW.tar .",
			c.beneath, c.beneath)
	case has(layoutName):
		why = "there is no index.json; it may be cut off"
	case has(indexName):
		why = "there is no file oci-layout"
	default:
		why = "there is neither oci-layout nor index.json"
	}
	return fmt.Errorf("%w: not an archive of an OCI image layout: %s", errdef.ErrUnsupportedManifest, why)
}
