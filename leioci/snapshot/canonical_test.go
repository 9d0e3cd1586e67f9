package snapshot_test

import (
	"testing"

	"github.com/lowendinsight/lei-go/leioci/snapshot"
)

// sameRepository lists spellings of one repository, by its canonical one. The hosts' own pages for
// cloning, git's and npm's manuals, and the package-url specification have these forms.
var sameRepository = map[string][]string{
	"https://github.com/org/project": {
		"https://github.com/org/project",
		"https://github.com/Org/Project.git/",
		"https://github.com/org/project.git",
		"https://github.com/org/project/",
		"https://github.com//org//project//",
		"HTTPS://GitHub.com/org/project",
		"http://github.com/org/project",
		"http://github.com:80/org/project",
		"https://github.com:443/org/project",
		"https://www.github.com/org/project",
		"https://github.com./org/project",
		"https://user:secret@github.com/org/project.git",
		"https://github.com/org/project/tree/main/docs",
		"https://github.com/org/project/blob/main/README.md#usage",
		"https://github.com/org/project?tab=readme-ov-file",
		"https://github.com/org/project#readme",
		"git@github.com:Org/Project",
		"git@github.com:org/project.git",
		"git@github.com:/org/project.git",
		"org-12345@github.com:org/project.git",
		"github.com:org/project.git",
		"ssh://git@github.com/org/project.git",
		"ssh://git@github.com:22/org/project.git",
		"ssh://git@ssh.github.com:443/org/project.git",
		"git+ssh://git@github.com/org/project.git",
		"git+ssh://git@github.com:org/project.git#v1",
		"git://github.com/org/project.git",
		"git+https://github.com/org/project.git",
		"git+https://github.com/org/project.git@v1.2.3#egg=project",
		"scm:git:https://github.com/org/project.git",
		"scm:git:git@github.com:org/project.git",
		"scm:git:git://github.com/org/project.git",
		"github.com/org/project",
		"GitHub.com/Org/Project.git",
		"github.com/org/project@v1.2.3",
		"github:org/project",
		"github:org/project#semver:^1",
		"pkg:github/org/project",
		"pkg:github/Org/Project@1.2.3?arch=amd64#docs",
		"PKG:GitHub/org/project",
		"pkg://github/org/project",
		"pkg:npm/%40org/project@1.0?vcs_url=git%2Bhttps://github.com/org/project.git",
		"pkg:npm/%40org/project@1.0?vcs_url=git+https://github.com/org/project.git&repository_url=https://npm.example.org",
		"pkg:github/org/project?repository_url=",
		"  https://github.com/org/project\n",
	},
	"https://gitlab.com/group/project": {
		"https://gitlab.com/Group/Project.git",
		"git@gitlab.com:group/project.git",
		"https://gitlab.com/group/project/-/tree/main",
		"ssh://git@altssh.gitlab.com:443/group/project.git",
		"gitlab:group/project",
		"pkg:gitlab/group/project@1",
	},
	"https://gitlab.com/group/subgroup/project": {
		"https://gitlab.com/group/subgroup/project",
		"https://gitlab.com/Group/Subgroup/Project/-/merge_requests/1",
	},
	"https://bitbucket.org/workspace/repo": {
		"https://user@bitbucket.org/Workspace/Repo.git",
		"git@bitbucket.org:workspace/repo.git",
		"https://bitbucket.org/workspace/repo/src/main/",
		"pkg:bitbucket/Workspace/Repo@244fd47e07d1004",
	},
	"https://codeberg.org/owner/repo": {
		"https://codeberg.org/Owner/Repo",
		"ssh://git@codeberg.org/owner/repo.git",
		"https://codeberg.org/owner/repo/src/branch/main/README.md",
	},
	"https://git.example.org/Org/Project": {
		"https://git.example.org/Org/Project",
		"http://git.example.org/Org/Project.git",
		"git@git.example.org:Org/Project.git",
		"git+https://git.example.org/Org/Project.git#subdirectory=src",
		"ssh://git@git.example.org:2222/Org/Project",
		"git://git.example.org:9418/Org/Project",
		"GIT.example.org/Org/Project/",
	},
	"https://github.com/1234/project": {"git@github.com:1234/project.git", "https://github.com/1234/project"},
	"https://git.example.org:8443/p":  {"https://git.example.org:8443/p", "git.example.org:8443/p.git"},
	"https://git.sr.ht/~User/repo":    {"https://git.sr.ht/~User/repo", "git@git.sr.ht:~User/repo"},
	"https://localhost/r":             {"ssh://localhost/r", "git@localhost:r"},
	"https://[::1]:3000/r":            {"http://[::1]:3000/r.git"},
}

func TestSpellingsOfOneRepositoryAreTheSame(t *testing.T) {
	for want, names := range sameRepository {
		for _, name := range append(names, want) {
			if got := snapshot.CanonicalRepo(name); got != want {
				t.Errorf("%q: got %q, want %q", name, got, want)
			}
		}
	}
}

func TestDifferentRepositoriesStayDifferent(t *testing.T) {
	for _, pair := range [][2]string{
		{"https://github.com/org/project", "https://gitlab.com/org/project"},
		{"https://github.com/org/project", "https://github.com/org/project2"},
		{"https://github.com/org/project", "https://github.com/org-project/project"},
		{"https://github.com/org/project", "https://github.com/org/project.wiki.git"},
		{"https://github.com/org/project", "https://github.com.example.org/org/project"},
		{"https://github.com/org/project", "https://gist.github.com/org/project"},
		{"https://github.com/org/project", "https://example.org/github.com/org/project"},
		{"https://github.com/org/project", "https://github.com:8443/org/project"},
		{"https://github.com/org/project", "https://github.com@example.org/org/project"},
		{"https://github.com/org/project", "https://github.com/org%2Fproject/other"},
		{"https://github.com/org/project", "https://github.com/org"},
		{"https://github.com/org/project", "org/project"},
		{"https://github.com/org/project", "pkg:npm/org/project"},
		{"https://gitlab.com/group/project", "https://gitlab.com/group/project/tree"},
		{"https://git.example.org/Org/Project", "https://git.example.org/org/project"},
		{"https://git.example.org/r", "https://git.example.org:8443/r"},
		{"https://git.sr.ht/~user/repo", "https://git.sr.ht/~User/repo"},
		{"https://git.example.org/a/b", "https://git.example.org/a%2Fb"},
		{"https://git.example.org/a?b", "https://git.example.org/a%3Fb"},
		{"https://git.example.org/gitweb/?p=a.git", "https://git.example.org/gitweb/?p=b.git"},
		{"https://git.example.org/gitweb/?p=a.git", "https://git.example.org/gitweb"},
		{"https://git.example.org/ui#/a", "https://git.example.org/ui#/b"},
		{"https://git.example.org/ui#!/a", "https://git.example.org/ui"},
		{"git@git.example.org:8443/a", "https://git.example.org:8443/a"},
		{"https://github.com/org/project", "pkg:github/org/project?repository_url=https://github.example.org"},
		{"https://github.com/org/project", "pkg:github/org/project@1?Repository_URL=github.example.org"},
		{"https://github.com/org/project", "pkg:github/org/project?vcs_url=https://github.com/a/b&vcs_url=https://github.com/c/d"},
		{"https://github.com/org/project", "pkg:github/org/project?a;b"},
	} {
		if a, b := snapshot.CanonicalRepo(pair[0]), snapshot.CanonicalRepo(pair[1]); a == b {
			t.Errorf("%q and %q are both %q", pair[0], pair[1], a)
		}
	}
}

func TestWhatIsNoNameOfARepositoryStaysAsItIs(t *testing.T) {
	for _, name := range []string{
		"", " ", "unknown", "project", "org/project", "/srv/git/project.git", "./project", "../project",
		`C:\src\project`, "C:/src/project", "file:///srv/git/project.git", "https://", "https://github.com",
		"https://github.com/", "https://github.com/org", "https://gitlab.com/group/-/x", "https://example.org/a/../b",
		"https://example.org/a%0ab", "mailto:someone@example.org", "pkg:npm/left-pad@1", "pkg:github/org", "pkg:",
		"http://[::1/r", "https://example.org/%zz", "svn+ssh://example.org/r", "git:", "scm:git:", "a b.example.org/c",
		"pkg:npm/left-pad?vcs_url=pkg:github/org/project",
	} {
		if got := snapshot.CanonicalRepo(name); got != name {
			t.Errorf("%q became %q", name, got)
		}
	}
}

// A name that is looked at once is canonical by the rules, too.
func TestPlainNamesStayAsTheyAre(t *testing.T) {
	for _, name := range []string{
		"https://github.com/org/project", "https://git.example.org/a", "https://git.example.org/a/b/c", "https://codeberg.org/a.b/c_d-e",
		"https://localhost/r", "https://127.0.0.1/r",
	} {
		if got := snapshot.CanonicalRepo(name); got != name {
			t.Errorf("%q became %q", name, got)
		}
		if got := snapshot.CanonicalRepo(" " + name); got != name {
			t.Errorf("by the rules, %q is %q", name, got)
		}
	}
}

func FuzzCanonicalRepo(f *testing.F) {
	for _, names := range sameRepository {
		for _, name := range names {
			f.Add(name)
		}
	}
	f.Fuzz(func(t *testing.T, name string) {
		once := snapshot.CanonicalRepo(name)
		if twice := snapshot.CanonicalRepo(once); twice != once {
			t.Errorf("%q becomes %q, and that %q", name, once, twice)
		}
		if slow := snapshot.CanonicalRepo(" " + once); slow != once && slow != " "+once {
			t.Errorf("by the rules, %q is %q", once, slow)
		}
	})
}
