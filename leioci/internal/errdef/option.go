package errdef

import "slices"

// An Option is an option that an error or a warning advises to use, by its name in package leioci.
// As an error, it stands in the text of another with %w. So a program whose users do not know the
// library finds it with [Options], and can put what they know, such as a flag, in its place.
type Option string

// The options that errors and warnings name.
const (
	AllowFuture      Option = "AllowFuture"
	AllowMoveBack    Option = "AllowMoveBack"
	AllowOlder       Option = "AllowOlder"
	ClockAllowance   Option = "ClockAllowance"
	Certificates     Option = "TLS.Certificates"
	Credentials      Option = "WithAuth or WithToken"
	HTTPSOnly        Option = "WithHTTPSOnly"
	Keychain         Option = "DefaultKeychain" // which documents where credentials are looked up
	PackageFuture    Option = "PackageFuture"
	PlainHTTP        Option = "WithPlainHTTP"
	PrivateRedirects Option = "WithPrivateRedirects"
	PushFuture       Option = "PushFuture"
	RootCAs          Option = "TLS.RootCAs"
	TLS              Option = "WithTLS"
	Token            Option = "WithToken"
)

// Error returns the option's name.
func (o Option) Error() string { return string(o) }

// Options returns the options that err's tree names, each once.
func Options(err error) []Option {
	switch e := err.(type) { //nolint:errorlint // this is the walk through the tree
	case Option:
		return []Option{e}
	case interface{ Unwrap() error }:
		return Options(e.Unwrap())
	case interface{ Unwrap() []error }:
		var all []Option
		for _, one := range e.Unwrap() {
			all = append(all, Options(one)...)
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	return nil
}
