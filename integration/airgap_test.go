package integration

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
)

// A gap is crossed from a registry outside to one inside.
type gap struct{ outside, inside string }

// gaps have registries with and without the referrers API on both of their sides.
func gaps() []gap {
	return []gap{
		{"distribution 3", "olareg"},
		{"olareg, TLS", "distribution 3, basic"},
		{"distribution 2.8, TLS, basic", "distribution 3"},
		{"distribution 3", "distribution 2.8"},
	}
}

// TestASignedSnapshotCrossesAnAirGap copies a snapshot from a registry to an archive, from that to a
// layout, and from that to another registry. The archive, the layout and a directory that was pulled
// from the other registry are served, too. All clients get the same from all of them.
func TestASignedSnapshotCrossesAnAirGap(t *testing.T) {
	skipIfExternal(t)
	leioci, table := buildCommand(t), &gapTable{cells: map[gapCell]*score{}}
	for _, g := range gaps() {
		t.Run(g.outside+" to "+g.inside, func(t *testing.T) {
			outside, inside := serverNamed(t, g.outside), serverNamed(t, g.inside)
			from, to, dir := outside.repository(t), inside.repository(t), t.TempDir()
			publishSigned(t, outside, from)
			want := attached(t, outside, from)
			wantBlobs := everyBlob(t, outside, from)

			archive, layout := "oci-archive:"+filepath.Join(dir, "lei.tar"), "oci-layout:"+filepath.Join(dir, "layout")
			outside.leioci(t, leioci, "copy", "--all-tags", from.String(), archive)
			environment{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}.must(t, "", leioci, "copy", "--all-tags", archive, layout)
			inside.leioci(t, leioci, "copy", "--all-tags", layout, to.String())
			pulled := filepath.Join(dir, "lei")
			inside.leioci(t, leioci, "pull", to.String(), "-o", pulled)

			arrivals := []arrival{
				{g.outside + " to " + g.inside, inside, to, true},
				served(t, leioci, "its archive, served", archive, true),
				served(t, leioci, "its layout, served", layout, true),
				served(t, leioci, "its directory, served", pulled, false),
			}
			for _, a := range arrivals {
				t.Run(a.name, func(t *testing.T) {
					testArrival(t, table, g, a)
					if !a.signed {
						return
					}
					table.test(t, gapCell{g, a.name, "referrers"}, func(t *testing.T) {
						assertSameAttached(t, want, attached(t, a.registry, a.repo))
						assertSameBlobs(t, wantBlobs, everyBlob(t, a.registry, a.repo))
					})
				})
			}
		})
	}
	report(t, table.String())
}

// An arrival is a place inside from which the snapshot is pulled. A directory has no signatures.
type arrival struct {
	name     string
	registry *registry
	repo     name.Repository
	signed   bool
}

// testArrival pulls with every client, under both tags.
func testArrival(t *testing.T, table *gapTable, g gap, a arrival) {
	for _, program := range toolNames() {
		table.test(t, gapCell{g, a.name, program}, func(t *testing.T) {
			tl := newTool(t, a.registry, program)
			for _, tag := range []string{"2026-02-08", "latest"} {
				if err := tl.pull(t.Context(), t, a.repo.Tag(tag), sampleDir, a.repo.Digest(signedDigest)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if !a.registry.plainHTTP || a.registry.dockerConfig != "" {
		return // Erlang's base has no TLS
	}
	table.test(t, gapCell{g, a.name, "the original"}, func(t *testing.T) {
		pullLikeTheOriginal(t, a.repo.Tag("latest"), signedDigest)
	})
}

// leioci runs the command with what reaches the registry.
func (r *registry) leioci(t *testing.T, command string, args ...string) {
	t.Helper()
	env := environment{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "DOCKER_CONFIG=" + r.dockerConfig}
	env.must(t, "", command, append(args, r.flags()...)...)
}

// serverNamed starts a server of the matrix.
func serverNamed(t *testing.T, name string) *registry {
	t.Helper()
	for _, s := range servers() {
		if s.name == name {
			r := s.start(t)
			r.name = name
			return r
		}
	}
	t.Fatalf("there is no server %q", name)
	return nil
}
