// Command leastwork pushes and pulls snapshots with the least possible work:
//
//	leastwork push HOST REPOSITORY TAG DIR
//	leastwork pull HOST REPOSITORY TAG DIR
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/lowendinsight/lei-go/hack/bench/internal/leastwork"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "leastwork:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 5 {
		return fmt.Errorf("got %d arguments, want push|pull HOST REPOSITORY TAG DIR", len(args))
	}
	c := &leastwork.Client{HTTP: http.DefaultClient, Host: args[1]}
	repo, tag, dir := args[2], args[3], args[4]
	switch args[0] {
	case "push":
		return c.PushFiles(ctx, repo, tag, dir, []leastwork.File{
			{Name: "config.json", MediaType: "application/vnd.lei.cache.config.v1+json"},
			{Name: "manifest.json", MediaType: "application/vnd.lei.cache.manifest+json"},
			{Name: "cache.jsonl.gz", MediaType: "application/vnd.lei.cache.jsonl+gzip"},
		})
	case "pull":
		return c.PullFiles(ctx, repo, tag, dir)
	}
	return fmt.Errorf("%q is neither push nor pull", args[0])
}
