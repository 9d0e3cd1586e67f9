#!/usr/bin/env bash
# Installs, starts and stops real registries for tests, on loopback addresses.
#
#   hack/registry.sh install                 install the servers and the clients that integration/ needs
#   hack/registry.sh versions                print their versions
#   hack/registry.sh start SERVER [OPTION]   start a server in the background
#   hack/registry.sh run SERVER [OPTION]     start a server, and stop it when standard input ends
#   hack/registry.sh stop [DIR]              stop the server with this state directory, or all started with "start"
#
# SERVER is one of
#   distribution      CNCF distribution 3, from the Go module proxy (pinned in hack/servers)
#   distribution-v2   distribution 2.8, from Debian's docker-registry
#   olareg            olareg, from the Go module proxy (pinned in hack/servers)
#   nginx             a proxy in front of one of them, from Debian's nginx
#
# OPTION is any of
#   --tls                            HTTPS, with a certificate from a private CA created for this server
#   --auth none|basic|token          basic: htpasswd with one user (distribution and nginx)
#   --token-realm URL --token-service NAME --token-issuer NAME --token-certs FILE
#                                    for --auth token (distribution): the token server,
#                                    and a PEM file with its certificates
#   --relative-urls                  Location headers without a host (distribution)
#   --upstream HOST:PORT             the server behind nginx, which has neither TLS nor authentication
#   --max-body SIZE                  nginx refuses larger requests with 413 (default 0: no limit)
#   --redirect-blobs HOST            nginx redirects blobs to a second nginx server at HOST:
#                                    localhost, 127.0.0.1 or 127.0.0.2
#   --keepalive SECONDS              nginx closes connections that are idle for this long (default 75)
#
# It prints environment variables for the tests and the clients, one per line:
#   LEIOCI_TEST_REGISTRY   the registry's host:port
#   STATE                  the directory with the server's configuration, data, log and pid, under .bin
#   SSL_CERT_FILE          with --tls: the CA's certificate
#   DOCKER_CONFIG          with --auth basic: a directory with a config.json that holds the credentials
# For example:
#   env $(hack/registry.sh start distribution --auth basic) sh -c 'leioci push ./export "$LEIOCI_TEST_REGISTRY/org/lei-cache"'
#
# The exit status is 69 if a server is not installed, 64 on wrong usage and 1 on any other failure.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
bin=$root/.bin
states=$bin/registries

fail() { # STATUS MESSAGE
  echo "registry.sh: $2" >&2
  exit "$1"
}

# COMMAND:PACKAGE for each Debian package.
debian='docker-registry:docker-registry nginx:nginx-light htpasswd:apache2-utils openssl:openssl
  skopeo:skopeo docker-credential-pass:golang-docker-credential-helpers pass:pass gpg:gnupg
  erl:erlang-base'

install_all() {
  local missing=() entry
  for entry in $debian; do
    command -v "${entry%%:*}" >/dev/null || missing+=("${entry#*:}")
  done
  if [ ${#missing[@]} -gt 0 ]; then
    [ "$(id -u)" = 0 ] || fail 69 "packages are missing; run as root: apt-get install ${missing[*]}"
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
  fi
  make -s -C "$root" "$bin/registry" "$bin/crane" "$bin/cosign"
}

versions() {
  local binary entry
  for binary in "$bin"/{registry,olareg,crane,oras,regctl,cosign}; do
    [ ! -x "$binary" ] || go version -m "$binary" | awk '$1 == "mod" { print $2, $3 }'
  done
  for entry in $debian; do
    dpkg-query -W -f '${Package} ${Version} (Debian)\n' "${entry#*:}" 2>/dev/null || true # not Debian
  done
}

need() { # COMMAND
  command -v "$1" >/dev/null || fail 69 "$1 is not installed; run hack/registry.sh install"
}

certificates() { # into $state
  need openssl
  local ec=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2)
  openssl req -x509 "${ec[@]}" -keyout "$state/ca.key" -out "$state/ca.pem" -subj '/CN=leioci test CA' \
    -addext keyUsage=critical,keyCertSign 2>>"$state/log"
  openssl req -x509 "${ec[@]}" -CA "$state/ca.pem" -CAkey "$state/ca.key" -keyout "$state/tls.key" -out "$state/tls.pem" \
    -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1,IP:127.0.0.2,DNS:localhost -addext basicConstraints=critical,CA:FALSE 2>>"$state/log"
}

credentials() { # into $state/htpasswd
  need htpasswd
  openssl rand -hex 16 >"$state/password"
  htpasswd -inB lei <"$state/password" >"$state/htpasswd"
}

docker_config() { # writes the credentials for $port in docker's format
  mkdir -p "$state/docker"
  printf '{"auths":{"127.0.0.1:%s":{"auth":"%s"}}}\n' "$port" "$(printf 'lei:%s' "$(cat "$state/password")" | base64 -w0)" \
    >"$state/docker/config.json"
}

distribution_config() {
  cat <<YAML
version: 0.1
log: {level: info, accesslog: {disabled: false}}
storage: {filesystem: {rootdirectory: $state/data}, delete: {enabled: true}}
http:
  addr: 127.0.0.1:$port
  relativeurls: $relative
  secret: $(openssl rand -hex 16)
YAML
  [ "$tls" = no ] || echo "  tls: {certificate: $state/tls.pem, key: $state/tls.key}"
  case $auth in
    basic) echo "auth: {htpasswd: {realm: leioci-test, path: $state/htpasswd}}" ;;
    token) echo "auth: {token: {realm: '$realm', service: '$service', issuer: '$issuer', rootcertbundle: '$certs'}}" ;;
  esac
}

nginx_config() {
  local ssl='' ssl_files='' scheme=http basic=''
  if [ "$tls" = yes ]; then
    ssl=' ssl' scheme=https
    ssl_files="ssl_certificate $state/tls.pem; ssl_certificate_key $state/tls.key;"
  fi
  [ "$auth" = none ] || basic="auth_basic leioci-test; auth_basic_user_file $state/htpasswd;"
  cat <<NGINX
daemon off; master_process off; pid $state/nginx.pid; error_log $state/log info;
events {}
http {
  access_log $state/log; $ssl_files
  client_max_body_size $max_body; keepalive_timeout $keepalive; client_header_timeout $keepalive;
  client_body_temp_path $state/body; proxy_temp_path $state/proxy; fastcgi_temp_path $state/fastcgi;
  uwsgi_temp_path $state/uwsgi; scgi_temp_path $state/scgi;
  proxy_http_version 1.1; proxy_set_header Host \$http_host; proxy_set_header X-Forwarded-Proto \$scheme;
  proxy_set_header Authorization "";
  server {
    listen 127.0.0.1:$port$ssl; $basic
    location / { proxy_pass http://$upstream; }
NGINX
  # nginx checks credentials before try_files, but after return.
  [ -z "$blobs" ] || cat <<NGINX
    location ~ /blobs/sha256: { try_files /none @storage; }
    location @storage { return 307 $scheme://$blobs:$storage_port\$uri?signature=secret; }
  }
  server { # a storage service that accepts only signed URLs
    listen 127.0.0.1:$storage_port$ssl; listen 127.0.0.2:$storage_port$ssl;
    if (\$http_authorization) { return 400; }
    if (\$arg_signature != secret) { return 403; }
    location / { proxy_pass http://$upstream; }
NGINX
  echo '  } }'
}

alive() { kill -0 "$1" 2>/dev/null; }

listening() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
  local p
  for _ in {1..100}; do
    p=$((20000 + RANDOM % 12000))
    listening "$p" || { echo "$p"; return; }
  done
  fail 1 'no free port between 20000 and 32000'
}

# launch starts the server on $port and waits up to a minute for it.
launch() {
  case $server in
    distribution*)
      distribution_config >"$state/config.yml"
      OTEL_TRACES_EXPORTER=none "$command" serve "$state/config.yml" >>"$state/log" 2>&1 </dev/null & ;;
    olareg)
      local cert=()
      [ "$tls" = no ] || cert=(--tls-cert "$state/tls.pem" --tls-key "$state/tls.key")
      "$command" serve --addr 127.0.0.1 --port "$port" --dir "$state/data" --api-delete "${cert[@]}" >>"$state/log" 2>&1 </dev/null & ;;
    nginx)
      storage_port=$(free_port)
      nginx_config >"$state/config.yml"
      "$command" -p "$state" -c "$state/config.yml" >>"$state/log" 2>&1 </dev/null & ;;
  esac
  pid=$!
  for _ in {1..1200}; do
    alive "$pid" || return 1 # perhaps another process took the port
    if listening "$port"; then
      echo "$pid" >"$state/pid"
      return 0
    fi
    sleep 0.05
  done
  kill "$pid"
  return 1
}

start() { # SERVER OPTION...
  server=${1:-} tls=no auth=none relative=false upstream='' max_body=0 blobs='' keepalive=75
  realm='' service='' issuer='' certs=''
  [ $# -eq 0 ] || shift
  while [ $# -gt 0 ]; do
    case $1 in
      --tls) tls=yes; shift; continue ;;
      --relative-urls) relative=true; shift; continue ;;
    esac
    [ $# -ge 2 ] || fail 64 "$1: unknown option or missing value"
    case $1 in
      --auth) auth=$2 ;;
      --token-realm) realm=$2 ;; --token-service) service=$2 ;; --token-issuer) issuer=$2 ;; --token-certs) certs=$2 ;;
      --upstream) upstream=$2 ;; --max-body) max_body=$2 ;; --redirect-blobs) blobs=$2 ;; --keepalive) keepalive=$2 ;;
      *) fail 64 "unknown option $1" ;;
    esac
    shift 2
  done
  case $server in
    distribution) command=$bin/registry ;;
    distribution-v2) command=docker-registry ;;
    olareg) command=$bin/olareg ;;
    nginx) command=nginx; [ -n "$upstream" ] || fail 64 'nginx needs --upstream' ;;
    *) fail 64 "unknown server '$server'; see the top of this script for a list" ;;
  esac
  case $auth:$server in
    none:* | basic:distribution* | basic:nginx) ;;
    token:distribution*) [ -n "$realm$certs" ] || fail 64 '--auth token needs --token-realm and --token-certs' ;;
    *) fail 64 "$server does not support --auth $auth" ;;
  esac
  need "$command"
  need openssl
  mkdir -p "$states"
  state=$(umask 077 && mktemp -d "$states/$server.XXXXXX")
  mkdir "$state/data"
  [ "$tls" = no ] || certificates
  [ "$auth" != basic ] || credentials
  local tries=1
  port=$(free_port)
  until launch; do
    tries=$((tries + 1))
    [ "$tries" -le 3 ] || { tail -n 20 "$state/log" >&2; fail 1 "$server did not start; its state is in $state"; }
    port=$(free_port)
  done
  printf 'LEIOCI_TEST_REGISTRY=127.0.0.1:%s\nSTATE=%s\n' "$port" "$state"
  [ "$tls" = no ] || echo "SSL_CERT_FILE=$state/ca.pem"
  [ "$auth" != basic ] || { docker_config; echo "DOCKER_CONFIG=$state/docker"; }
}

# stop_one stops the server of a state directory, and removes the directory.
stop_one() { # DIR [PID]
  local pid
  case $1 in "$states"/?*) ;; *) fail 64 "$1 is not a state directory under $states" ;; esac
  pid=$(cat "$1/pid" 2>/dev/null || echo "${2:-}")
  # The process may have exited, and its PID may have been reused.
  if [ -n "$pid" ] && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "${1##*/}"; then
    kill "$pid"
    for _ in {1..100}; do
      alive "$pid" || break
      sleep 0.05
    done
    ! alive "$pid" || kill -9 "$pid"
  fi
  rm -rf "$1"
}

case ${1:-} in
  install) install_all ;;
  versions) versions ;;
  start) shift; start "$@" ;;
  run)
    shift
    states=$bin/registries-of-tests # which "stop" without DIR leaves alone
    state='' pid=''
    trap '[ -z "$state" ] || stop_one "$state" "$pid"' EXIT
    trap 'exit 1' INT TERM HUP
    start "$@"
    exec >/dev/null # the reader of the variables sees EOF
    cat >/dev/null
    ;;
  stop)
    if [ $# -gt 1 ]; then stop_one "$2"; else
      for dir in "$states"/*/; do [ ! -d "$dir" ] || stop_one "${dir%/}"; done
    fi ;;
  *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 64 ;;
esac
