#!/usr/bin/env bash
# Makes the files of a release, of the commit that is checked out:
#
#   hack/release.sh [-o DIR] [-p OS/ARCH]...
#
# DIR (default dist) is made anew. It gets, for each platform, an archive with a static binary, the
# manual pages, completions and licenses, and an SPDX SBOM; an image for containers (linux, of all
# architectures) as an archive of an OCI layout; and SHA256SUMS. The same commit gives the same bytes
# wherever this runs: hack/release/go.mod pins the toolchain and the image's certificate authorities,
# and all times are the commit's. Nothing is needed but git, Go and its module proxy.
#
# The version is git's, as Go writes it: the tag of the commit, or else a pseudo-version, which depends
# on the tags before it. So these must be here, and a shallow clone of a commit without a tag is
# refused. What is not committed is left out.
#
# The image is used with, for example,
#   docker load -i dist/leioci_*_image.tar
#   skopeo copy --all oci-archive:dist/leioci_1.2.3_image.tar docker://registry.internal/tools/leioci:1.2.3
set -euo pipefail
unset CDPATH

fail() {
  echo "release.sh: $1" >&2
  exit "${2:-1}"
}

out=dist platforms=()
while getopts o:p: option; do
  case $option in
    o) out=$OPTARG ;;
    p) platforms+=("$OPTARG") ;;
    *) fail 'usage: hack/release.sh [-o DIR] [-p OS/ARCH]...' 64 ;;
  esac
done
shift $((OPTIND - 1))
[ $# -eq 0 ] || fail "unexpected argument $1" 64
if [ ${#platforms[@]} -eq 0 ]; then
  platforms=({linux,darwin,windows}/{amd64,arm64})
fi
# What is removed below must be what an earlier run wrote. Not only releases of this have such sums.
if [ -e "$out" ]; then
  others=$(cd -- "$out" && find . -mindepth 1 -maxdepth 1 ! -name 'leioci_*' ! -name SHA256SUMS)
  [ -z "$others" ] || fail "$out has other files than those of an earlier release, and is left alone"
  [ -z "$(ls -A "$out")" ] || [ -e "$out/SHA256SUMS" ] ||
    fail "$out has files, but no SHA256SUMS: it is not an earlier release, and is left alone"
fi

# Only what is set here may have an effect on the binaries. Of what the environment says to Go, the rest
# is where modules come from and where files are kept. The modules' digests are in go.sum.
for name in $(compgen -e GO); do
  case $name in
    GOENV | GOPATH | GOCACHE | GOMODCACHE | GOTMPDIR) ;;
    GOPROXY | GONOPROXY | GOPRIVATE | GOSUMDB | GONOSUMDB | GOINSECURE | GOAUTH | GOVCS) ;;
    *) unset "$name" ;;
  esac
done
GOPROXY=$(go env GOPROXY) GONOSUMDB=$(go env GONOSUMDB) GOSUMDB=$(go env GOSUMDB)
export GOPROXY GONOSUMDB GOSUMDB GOENV=off GOWORK=off CGO_ENABLED=0 LC_ALL=C TZ=UTC

# Nor may a user's configuration of git change the files that are checked out, or what git prints.
for name in $(git rev-parse --local-env-vars); do unset "$name"; done
export GIT_ATTR_NOSYSTEM=1
plain=(--template= -c core.autocrlf=false -c core.eol=lf -c core.attributesFile=/dev/null
  -c core.hooksPath=/dev/null -c log.showSignature=false)

# A clone has what is committed and nothing else. Go finds no version in a linked worktree, either.
root=$(cd "$(dirname "$0")/.." && pwd)
if [ "$(git -C "$root" rev-parse --is-shallow-repository)" = true ] &&
  [ -z "$(git -C "$root" tag --points-at HEAD --list 'v[0-9]*')" ]; then
  fail "a shallow clone does not say which version this is: get the rest with git fetch --unshallow --tags"
fi
out=$(mkdir -p -- "$out" && cd -- "$out" && pwd)
work=$(mktemp -d)
[[ $work == /* ]] || work=$PWD/$work
trap 'rm -rf "$work"' EXIT
[ -z "$(git -C "$root" status --porcelain)" ] || echo 'release.sh: warning: what is not committed is left out' >&2
git clone -q --shared --no-checkout "${plain[@]}" "$root" "$work/src"
cd "$work/src"
git checkout -q --detach "$(git -C "$root" rev-parse HEAD)"
GOTOOLCHAIN=$(sed -n 's/^toolchain //p' hack/release/go.mod)
export GOTOOLCHAIN
created=$(git log -1 --format=%cd --date=format-local:%Y-%m-%dT%H:%M:%SZ)

mkdir -p "$work/extra/completions" "$work/out"

for platform in "${platforms[@]}"; do
  [[ $platform == */* ]] || fail "platform $platform: want OS/ARCH" 64
  suffix=''
  [[ $platform != windows/* ]] || suffix=.exe
  echo "build $platform" >&2
  GOOS=${platform%/*} GOARCH=${platform#*/} go build -trimpath -buildvcs=true -ldflags='-s -w' \
    -o "$work/bin/${platform/\//_}/leioci$suffix" ./leioci/cmd/leioci
done

cp LICENSE "$work/extra"
go build -tags man -trimpath -buildvcs=true -o "$work/leioci" ./leioci/cmd/leioci
for shell in bash zsh fish powershell; do
  "$work/leioci" completion "$shell" >"$work/extra/completions/leioci.$shell"
done
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) "$work/leioci" man "$work/extra/man/man1"

(cd hack/release && go build -o "$work/release" .)
"$work/release" -binaries "$work/bin" -extra "$work/extra" -out "$work/out" -created "$created"
rm -f "$out"/leioci_* "$out/SHA256SUMS" # the sums last: what has none is left alone
cp "$work/out"/* "$out"
cat "$out/SHA256SUMS"
