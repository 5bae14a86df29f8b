# A server of the script's own, on a database of its own. Source after common.sh, packages.sh, rust.sh and migrate.sh.
# shellcheck shell=bash disable=SC2154,SC2153
# shellcheck source=services.sh
. "$root/scripts/lib/services.sh"

server_pid=''
stop_own_server() {
  local status=$?
  trap - EXIT
  if [ -n "$server_pid" ]; then
    kill -TERM "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
  fi
  exit "$status"
}

# own_server ARGUMENT…: the program, with a configuration that only the environment makes.
own_server() { RUST_BACKTRACE=1 "$server" --config "$own_folder/empty.toml" "$@"; }

# prepare_own_server NAME FOLDER: builds the program unless $server names one, and makes an empty database of that name.
prepare_own_server() {
  own_folder=$2
  if [ -z "$server" ]; then
    need_rust
    say "building the server"
    (cd "$root" && env -u DATABASE_URL SQLX_OFFLINE=true cargo build --locked -p flextraff-server --bin flextraff-server >&2)
    server=$CARGO_TARGET_DIR/debug/flextraff-server
  fi
  [ -x "$server" ] || die "$server is no program"
  command -v curl >/dev/null || need_packages curl
  private_psql -c "DROP DATABASE IF EXISTS $1 WITH (FORCE)" -c "CREATE DATABASE $1" 2>/dev/null
  : >"$own_folder/empty.toml"
  (umask 077 && head -c 48 /dev/urandom | base64 >"$own_folder/secret.key")
  own_port=$(free_port)
  url=http://127.0.0.1:$own_port
  export FLEXTRAFF_DATABASE__URL=${DATABASE_URL%/*}/$1 FLEXTRAFF_HTTP__BIND=127.0.0.1:$own_port \
    FLEXTRAFF_AUTH__SECRET_KEY_FILE=$own_folder/secret.key FLEXTRAFF_MQTT__CLIENT_ID=flextraff-$1
}

own_server_answers() { curl -fsS -o "$own_folder/ready" "$url/readyz" 2>/dev/null; }

# start_own_server NAME FOLDER: starts it, if need be after preparing it; it stops with the script. Sets url.
start_own_server() {
  [ -n "${own_folder-}" ] || prepare_own_server "$@"
  # Not through own_server: in the background a function is a shell of its own, and the signal would end only that.
  RUST_BACKTRACE=1 "$server" --config "$own_folder/empty.toml" serve >"$own_folder/server.log" 2>&1 &
  server_pid=$!
  trap stop_own_server EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  wait_until 30 own_server_answers || { cat "$own_folder/server.log" >&2 && die 'the server does not start'; }
}
