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

  printf '%s\n' "${copied##*@}" >"$stick/digest"
  (cd "$stick" && sha256sum lei.tar digest >SHA256SUMS.new && mv SHA256SUMS.new SHA256SUMS)
  sync # before the stick is pulled out
  cat "$stick/digest"
}

in_() { # STICK REF FLAG...
  stick=$1 ref=$2
  shift 2
  case ${ref##*/} in *:*) ;; *) ref=$ref:latest ;; esac

  # A stick that is damaged or was pulled out too early.
  [ -f "$stick/SHA256SUMS" ] || fail 4 "$stick has no SHA256SUMS: what is on it is not complete"
  (cd "$stick" && sha256sum -c SHA256SUMS >&2) || fail 4 "$stick does not hold what was put there"
  digest=$(cat "$stick/digest")

  # The snapshot itself, its age by the clock of this side, and who made it: checksums find damage, but
  # only a signature finds a stick that somebody else wrote. leioci asks for one if LEI_TRUSTED_KEYS
  # names public keys, which have to come by another way than the stick.
  leioci verify --max-age "$LEI_MAX_AGE_INSIDE" "oci-archive:$stick/lei.tar@$digest" >&2

  # Only what the registry does not have is sent, and an older stick does not move the tag back.
  leioci copy "$@" "oci-archive:$stick/lei.tar@$digest" "$ref" >/dev/null
  printf '%s\n' "$digest"
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
