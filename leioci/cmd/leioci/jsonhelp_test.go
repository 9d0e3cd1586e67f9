package main

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestTheHelpNamesEveryMemberOfTheJSON pins that what --format json prints is documented. Scripts rely on
// it, so a member stays when it has been there.
func TestTheHelpNamesEveryMemberOfTheJSON(t *testing.T) {
	documents := map[string][]any{
		"leioci auth explain": {authDocument{}},
		"leioci check":        {checkDocument{}},
		"leioci copy":         {copyDocument{}},
		"leioci diff":         {diffHead{}},
		"leioci export":       {exportDocument{}},
		"leioci import":       {overview{}},
		"leioci inspect":      {inspection{}},
		"leioci pull":         {pullDocument{}},
		"leioci push":         {pushDocument{}, dryRunDocument{}},
		"leioci serve":        {served{}},
		"leioci tags":         {tagsDocument{}},
		"leioci verify":       {overview{}},
		"leioci version":      {versionDocument{}},
	}
	for _, cmd := range availableCommands(newRoot(environment{stdout: &strings.Builder{}})) {
		if cmd.Flags().Lookup("format") == nil {
			continue
		}
		path := cmd.CommandPath()
		if documents[path] == nil {
			t.Errorf("%s has --format: add its document here", path)
		}
		for _, document := range documents[path] {
			for _, member := range members(reflect.TypeOf(document)) {
				if !regexp.MustCompile(`\b` + member + `\b`).MatchString(cmd.Long) {
					t.Errorf("the help of %s does not name the member %s", path, member)
				}
			}
		}
	}
}

// availableCommands returns a command and those below it.
func availableCommands(cmd *cobra.Command) []*cobra.Command {
	var all []*cobra.Command
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && sub.Parent().Name() != "completion" {
			all = append(all, availableCommands(sub)...)
			all = append(all, sub)
		}
	}
	return all
}

// members returns the names of the members of a JSON object, and of those within.
func members(of reflect.Type) []string {
	switch of.Kind() { //nolint:exhaustive // the others have none
	case reflect.Pointer, reflect.Slice:
		return members(of.Elem())
	case reflect.Struct:
	default:
		return nil
	}
	var names []string
	for i := range of.NumField() {
		field := of.Field(i)
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" && name != "-" {
			names = append(names, name)
		}
		if field.Tag.Get("json") != "-" {
			names = append(names, members(field.Type)...)
		}
	}
	return names
}
