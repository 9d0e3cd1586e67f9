#!/bin/sh
# Carries a LEI snapshot, and the signatures that are attached to it, across an air gap.
#
#   airgap.sh out REF STICK [FLAG...]   outside: put what REF names on the stick
#   airgap.sh in STICK REF [FLAG...]    inside: put what is on the stick into a registry, under REF
#
# STICK is a directory. FLAGs, such as --ca-file, are those of leioci that say how to reach the
# registry. The exit status is that of leioci, or 4 if the stick does not hold what was put there.
# Both print the digest of the snapshot, which is the same on both sides.
set -eu

# LEI_MAX_AGE is how old a snapshot may be that is carried, and LEI_MAX_AGE_INSIDE how old one that
# arrives.
: "${LEI_MAX_AGE:=3d}" "${LEI_MAX_AGE_INSIDE:=14d}"

fail() { # STATUS MESSAGE
  echo "airgap.sh: $2" >&2
  exit "$1"
}

# digest_of prints the digest of a reference that leioci printed.
digest_of() { printf '%s\n' "${1##*@}"; }

out() { # REF STICK FLAG...
  ref=$1 stick=$2
  shift 2
  mkdir -p "$stick"
  rm -f "$stick/SHA256SUMS" # until it is written anew, nobody takes the stick for whole

  # If the archive of the last time is still there, only what is new is fetched. The signatures and
  # attestations that refer to the snapshot come along.
  copied=$(leioci copy "$@" "$ref" "oci-archive:$stick/lei.tar:latest")

  # Outside, an error can still be helped: read all the reports.
  leioci verify --max-age "$LEI_MAX_AGE" "oci-archive:$stick/lei.tar:latest" >&2

  digest_of "$copied" >"$stick/digest"
  (cd "$stick" && sha256sum lei.tar digest >SHA256SUMS.new && mv SHA256SUMS.new SHA256SUMS)
  sync # before the stick is pulled out
  cat "$stick/digest"
}

in_() { # STICK REF FLAG...
  stick=$1 ref=$2
  shift 2

  # A stick that is damaged or was pulled out too early.
  [ -f "$stick/SHA256SUMS" ] || fail 4 "$stick has no SHA256SUMS: what is on it is not complete"
  (cd "$stick" && sha256sum -c SHA256SUMS >&2) || fail 4 "$stick does not hold what was put there"

  # The snapshot itself, and its age by the clock of this side.
  leioci verify --max-age "$LEI_MAX_AGE_INSIDE" "oci-archive:$stick/lei.tar:latest" >&2

  # Only what the registry does not have is sent. It gets a tag of its own first, so that nobody inside
  # pulls what has not been looked at.
  case ${ref##*/} in *:*) repository=${ref%:*} ;; *) repository=$ref ref=$ref:latest ;; esac
  copied=$(leioci copy "$@" "oci-archive:$stick/lei.tar:latest" "$repository:incoming")
  [ "$(digest_of "$copied")" = "$(cat "$stick/digest")" ] || fail 4 "$stick/digest names another snapshot than $copied"

  # Who made it. Checksums find damage, but only a signature finds a stick that somebody else wrote:
  # this is the place to verify one, with a key that came by another way than the stick. With cosign:
  #   cosign verify --key lei.pub --insecure-ignore-tlog=true "$copied"

  # From here on it is pulled. An older stick does not move latest back (status 3).
  leioci copy "$@" "$copied" "$ref" >/dev/null
  digest_of "$copied"
}

usage='usage: airgap.sh out REF STICK [FLAG...] | airgap.sh in STICK REF [FLAG...]'
[ $# -ge 3 ] || fail 2 "$usage"
direction=$1
shift
case $direction in
  out) out "$@" ;;
  in) in_ "$@" ;;
  *) fail 2 "$usage" ;;
esac
