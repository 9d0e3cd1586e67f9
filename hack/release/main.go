// Command release makes the files of a release: archives, SBOMs, a container image and checksums.
//
//	release -binaries DIR -extra DIR -out DIR -created TIME
//
// The binaries are in DIR/OS_ARCH. The same binaries, extra files and time give the same files, byte
// for byte, whoever makes them, when and where. hack/release.sh compiles the binaries and runs this.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	binaries := flags.String("binaries", "", "`directory` with a binary in OS_ARCH for each platform")
	extra := flags.String("extra", "", "`directory` of files that every archive has, too")
	out := flags.String("out", "", "`directory` to write to; it must exist")
	created := flags.String("created", "", "`time` of the commit, in RFC 3339, which all files get")
	if err := flags.Parse(args); err != nil {
		return err
	}
	at, err := time.Parse(time.RFC3339, *created)
	if err != nil {
		return fmt.Errorf("-created: %w", err)
	}
	builds, err := readBuilds(*binaries)
	if err != nil {
		return err
	}
	r := release{builds: builds, out: *out, created: at.UTC()}
	if r.extra, err = filesIn(*extra); err != nil {
		return err
	}
	notices, err := r.notices(ctx)
	if err != nil {
		return err
	}
	r.extra = append(r.extra, notices)
	return errors.Join(r.writeArchives(), r.writeSBOMs(), r.writeImage(), r.writeSums())
}

// A release is what all its files are made of.
type release struct {
	builds  []build
	extra   []file // of every archive, beside the binary
	out     string
	created time.Time
}
