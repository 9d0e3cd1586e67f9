package main

import (
	"strings"
	"unicode"

	"github.com/lowendinsight/lei-go/leioci/internal/errdef"
)

// describeError returns what is printed of an error: what happened, and then what to do, on one line,
// in the words of who uses the command.
func describeError(err error) string {
	return shorter(oneLine(inFlags(err.Error(), errdef.Options(err))))
}

// flagOf returns what the command has in place of an option of the library.
func flagOf(o errdef.Option) string {
	switch o {
	case errdef.AllowFuture, errdef.PackageFuture, errdef.PushFuture:
		return "--allow-future"
	case errdef.AllowMoveBack:
		return "--allow-move-back"
	case errdef.AllowOlder:
		return "--allow-older"
	case errdef.ClockAllowance:
		return "--clock-allowance"
	case errdef.Certificates:
		return "--cert-file and --key-file"
	case errdef.Credentials, errdef.Token:
		return tokenVariable
	case errdef.HTTPSOnly:
		return "--https-only"
	case errdef.Keychain:
		return "leioci auth explain"
	case errdef.PlainHTTP:
		return "--plain-http"
	case errdef.PrivateRedirects:
		return "--allow-private-redirects"
	case errdef.RootCAs:
		return "--ca-file"
	case errdef.TLS:
		return "--ca-file and the like"
	}
	return ""
}

// inFlags puts flags in the place of the library's options that a message names.
func inFlags(message string, named []errdef.Option) string {
	for _, option := range named {
		if flag := flagOf(option); flag != "" {
			message = strings.ReplaceAll(message, string(option), flag)
		}
	}
	return message
}

// oneLine puts a message on one line without anything that moves a terminal's cursor or changes the
// direction of what it shows, because registries and files may have it in what a message quotes, and
// because errors that were joined have a line each.
func oneLine(message string) string {
	visible := func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}
	var text string
	for line := range strings.Lines(message) {
		line = strings.Join(strings.Fields(strings.Map(visible, line)), " ")
		switch {
		case line == "":
			continue
		case text == "":
		case strings.HasSuffix(text, ":"), strings.HasSuffix(text, ";"):
			text += " "
		default:
			text += "; "
		}
		text += line
	}
	return text
}
