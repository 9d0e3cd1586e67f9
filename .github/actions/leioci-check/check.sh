#!/usr/bin/env bash
# The steps of the action, which passes its inputs in LEIOCI_ variables:
#
#   check.sh prepare   build or install leioci, and say where the snapshot is kept
#   check.sh pull      pull the snapshot there
#   check.sh check     decide, and write the report
#
# The exit status is leioci's. It must work with bash 3.2, which macOS has.
set -euo pipefail

home=$RUNNER_TEMP/leioci-check

# say prints a line for the outputs of the step. No value has a line break.
say() { # NAME VALUE
  printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"
}

# quietly runs a command whose output the runner must not obey: names of components and texts of
# registries come from anybody, and a line that begins with :: is a command to the runner.
quietly() {
  local token status=0
  token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  echo "::stop-commands::$token"
  "$@" 2>&1 || status=$?
  printf '\n::%s::\n' "$token"
  return "$status"
}

# finish says how leioci ended, and ends likewise.
finish() { # STATUS
  local names=(passed failure usage stale unverified denied risk notfound undecided)
  local name=${names[$1]:-failure}
  [ "$1" != 130 ] || name=interrupted
  say status "$1"
  say result "$name"
  exit "$1"
}

prepare() {
  mkdir -p "$home/bin"
  # A job may have an older Go of its own choice. The one that leioci needs is fetched for this only.
  export GOTOOLCHAIN=auto
  command -v go >/dev/null || {
    echo 'leioci-check: no Go on this runner: run actions/setup-go before this action' >&2
    exit 1
  }
  # What a job sets for programs of its own, in the environment or its directory, is not for this one.
  cd "$GITHUB_ACTION_PATH/../../.."
  unset GOFLAGS GO111MODULE GOEXPERIMENT
  export GOOS GOARCH GOWORK=off
  GOOS=$(go env GOHOSTOS) GOARCH=$(go env GOHOSTARCH)
  if [ -z "$LEIOCI_VERSION" ]; then
    quietly go build -trimpath -buildvcs=false -o "$home/bin/" ./leioci/cmd/leioci
  elif [[ $LEIOCI_VERSION =~ ^(latest|v[0-9][0-9A-Za-z.+-]*)$ ]]; then
    GOBIN=$home/bin quietly go install "github.com/lowendinsight/lei-go/leioci/cmd/leioci@$LEIOCI_VERSION"
  else
    echo 'leioci-check: version: want latest, or a version such as v1.2.3' >&2
    exit 2
  fi
  # Each reference has a directory and cache keys of its own, without characters that mean something
  # and, as a reference may be long, of one length.
  local id
  id=$(printf %s "$LEIOCI_REF" | sha256)
  say directory "$home/$id/lei"
  say prefix "leioci-check-${RUNNER_OS:-}-$id-"
  mkdir -p "$home/$id"
}

sha256() {
  local sum=(sha256sum)
  command -v sha256sum >/dev/null || sum=(shasum -a 256) # macOS
  "${sum[@]}" | cut -c-64
}

# split prints a flag for each line of an input that is not empty, each ended by a null byte.
split() { # FLAG LINES
  local line
  while IFS= read -r line || [ -n "$line" ]; do
    line=${line%$'\r'}
    [ -z "$line" ] || printf '%s=%s\0' "$1" "$line"
  done <<<"$2"
}

# forget removes from what was restored all that no digest proves: an index, whose answers would be
# believed, and the note that the snapshot was found to be signed.
forget() {
  [ ! -L "$LEIOCI_DIRECTORY" ] || rm -- "$LEIOCI_DIRECTORY"
  [ -d "$LEIOCI_DIRECTORY" ] || return 0
  find "$LEIOCI_DIRECTORY" -mindepth 1 -maxdepth 1 ! -name oci-manifest.json ! -name config.json \
    ! -name manifest.json ! -name cache.jsonl.gz -exec rm -rf {} +
}

pull() {
  forget
  local args=(pull "--output=$LEIOCI_DIRECTORY") status=0 pinned
  [ -z "$LEIOCI_MAX_AGE" ] || args+=("--max-age=$LEIOCI_MAX_AGE")
  [ -z "$LEIOCI_CA_FILE" ] || args+=("--ca-file=$LEIOCI_CA_FILE")
  [ "$LEIOCI_ALLOW_OLDER" != true ] || args+=(--allow-older)
  quietly run_pull "${args[@]}" -- "$LEIOCI_REF" || status=$?
  [ "$status" = 0 ] || finish "$status"
  pinned=$(cat "$home/pinned")
  [[ $pinned =~ @(sha256:[0-9a-f]{64})$ ]] || finish 1
  say digest "${BASH_REMATCH[1]}"
}

run_pull() { "$home/bin/leioci" "$@" >"$home/pinned"; }

check() {
  local args=(check "--fail-on=$LEIOCI_FAIL_ON" "--unknown=$LEIOCI_UNKNOWN"
    "--undetermined=$LEIOCI_UNDETERMINED" "--format=$LEIOCI_FORMAT") flag status=0
  while IFS= read -r -d '' flag; do args+=("$flag"); done < <(
    split --repo "$LEIOCI_REPO"
    split --repos "$LEIOCI_REPOS"
    split --sbom "$LEIOCI_SBOM"
  )
  report=${LEIOCI_OUTPUT:-$home/report.$LEIOCI_FORMAT}
  [[ $report != *$'\n'* ]] || { echo 'leioci-check: output has a line break' >&2; finish 2; }
  quietly run_check "${args[@]}" -- "$LEIOCI_DIRECTORY" || status=$?
  case $status in 0 | 6 | 8) say report "$report" ;; esac
  finish "$status"
}

run_check() {
  local status=0
  "$home/bin/leioci" "$@" >"$report" || status=$?
  [ "$LEIOCI_FORMAT" != text ] || cat <"$report"
  return "$status"
}

case ${1:-} in
  prepare | pull | check) "$1" ;;
  *) echo 'usage: check.sh prepare|pull|check' >&2; exit 2 ;;
esac
