package leioci

// WithHTTPSOnly uses https for every registry. It cannot be combined with [WithPlainHTTP].
//
// Without it, a registry on a loopback or private address (RFC 1918), or of a reference made with
// name.Insecure, that does not respond over https is accessed over http, without credentials unless
// it is this machine. Anyone on the network path can cause that, and change content that is not
// requested by digest. [WithTLS] prevents it, too.
func WithHTTPSOnly() Option {
	return func(o *options) error {
		o.httpsOnly = true
		return nil
	}
}
