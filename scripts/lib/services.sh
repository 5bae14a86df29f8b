# A private PostgreSQL and Mosquitto in one folder. Source after common.sh and packages.sh.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # shared with the script that sources this file

# Set here: state (where data and logs are; below $dir, or a folder of its own), pg_pid, pg_port, mqtt_pid, mqtt_port,
# pg_password, mqtt_password.
as_user=()
# Marks a folder as ours; removing it is safe.
owner_file=.flextraff-services
state='' pg_pid='' mqtt_pid=''

random_secret() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

port_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Below the range from which the kernel takes the ports of outgoing connections (32768 and up).
free_port() {
  local port
  for _ in {1..100}; do
    port=$((20000 + SRANDOM % 12000))
    if port_free "$port"; then
      printf '%s\n' "$port"
      return
    fi
  done
  die "no free port between 20000 and 32000 on 127.0.0.1"
}

# PostgreSQL refuses to run as root: both services then run as an unprivileged user.
choose_user() {
  run_user=$(id -un)
  [ "$(id -u)" -eq 0 ] || return 0
  run_user=nobody
  if getent passwd postgres >/dev/null; then run_user=postgres; fi
  as_user=(setpriv --reuid "$run_user" --regid "$(id -g "$run_user")" --init-groups)
}

# The unprivileged user may be unable to reach the checkout, for example below /root.
choose_state() {
  state=$dir/state
  mkdir -m 700 "$state"
  chown "$run_user" "$state"
  if ! (cd / && "${as_user[@]}" test -w "$state/."); then
    rmdir "$state"
    state=$(mktemp -d "${TMPDIR:-/tmp}/flextraff-services.XXXXXX")
    chown "$run_user" "$state"
    ln -s "$state" "$dir/state"
    (cd / && "${as_user[@]}" test -w "$state/.") \
      || die "user $run_user can write neither below $dir nor in $state: set TMPDIR to a folder that it can reach"
  fi
  printf '%s\n' "$state" >"$dir/state-path"
}

# start_child SIGNAL LOG COMMAND…: starts COMMAND as the unprivileged user, in a session of its own, so that Ctrl-C
# does not reach it before the clients have finished. The kernel sends it SIGNAL if this script is killed. Sets child.
start_child() {
  local signal=$1 log=$2
  shift 2
  # Changing the user would clear what --pdeathsig sets: it comes after.
  setsid env -C "$state" LC_ALL=C.UTF-8 "${as_user[@]}" setpriv --pdeathsig "$signal" "$@" </dev/null >>"$log" 2>&1 &
  child=$!
  # A test may kill it on purpose: no message about that from the shell.
  disown "$child"
}

prepare_postgres() {
  local data=$state/postgres
  pg_password=$(random_secret)
  (umask 077 && printf '%s\n' "$pg_password" >"$state/pg-password")
  chown "$run_user" "$state/pg-password"
  (cd "$state" && LC_ALL=C.UTF-8 "${as_user[@]}" "$pg_bin/initdb" -D "$data" --no-sync --no-instructions -U flextraff \
    --pwfile="$state/pg-password" -A scram-sha-256 -E UTF8 --locale=C.UTF-8 >"$state/initdb.log" 2>&1) \
    || { cat "$state/initdb.log" >&2; die "initdb failed"; }
  rm -f "$state/pg-password"
  cat >>"$data/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
shared_buffers = '64MB'
timezone = 'UTC'
log_timezone = 'UTC'
logging_collector = off
END
  if [ -z "$durable" ]; then
    # Test data is thrown away: what a power cut would do to it does not matter.
    printf '%s\n' 'fsync = off' 'synchronous_commit = off' 'full_page_writes = off' >>"$data/postgresql.conf"
  fi
}

postgres_up() { process_gone "$pg_pid" || "$pg_bin/pg_isready" -q -h 127.0.0.1 -p "$pg_port"; }

# A port may be taken between choosing and binding it: the server then ends, and another port is tried.
start_postgres() {
  for _ in {1..5}; do
    pg_port=$(free_port)
    start_child QUIT "$state/postgres.log" "$pg_bin/postgres" -D "$state/postgres" -p "$pg_port"
    pg_pid=$child
    wait_until 60 postgres_up || break
    if ! process_gone "$pg_pid"; then
      database_url=postgresql://flextraff:$pg_password@127.0.0.1:$pg_port/flextraff
      PGPASSWORD=$pg_password psql -qX -h 127.0.0.1 -p "$pg_port" -U flextraff postgres \
        -c 'CREATE DATABASE flextraff' && return
      break
    fi
  done
  tail -n 20 "$state/postgres.log" >&2
  die "PostgreSQL did not start"
}

prepare_mosquitto() {
  local data=$state/mosquitto
  mkdir -m 700 "$data" "$data/data"
  mqtt_password=$(random_secret)
  (umask 077 && printf 'server:%s\n' "$mqtt_password" >"$data/passwd")
  # Hashes the file in place, so that no password is ever in an argument list.
  "$(find_mosquitto mosquitto_passwd)" -U "$data/passwd"
  cat >"$data/acl" <<'END'
user server
topic readwrite flextraff/#
topic readwrite $CONTROL/dynamic-security/#
END
  chmod 600 "$data/passwd" "$data/acl"
  touch "$state/mosquitto.log"
  chown -R "$run_user" "$data" "$state/mosquitto.log"
}

write_mosquitto_conf() {
  cat >"$state/mosquitto/mosquitto.conf" <<END
listener $mqtt_port 127.0.0.1
user $run_user
allow_anonymous false
password_file $state/mosquitto/passwd
acl_file $state/mosquitto/acl
persistence true
persistence_location $state/mosquitto/data/
autosave_interval 1
persistent_client_expiration 7d
max_queued_messages 20000
max_queued_bytes 0
max_inflight_messages 2000
message_size_limit 262144
set_tcp_nodelay true
pid_file $state/mosquitto/pid
log_dest file $state/mosquitto.log
log_timestamp_format %Y-%m-%dT%H:%M:%S
END
}

mosquitto_up() {
  process_gone "$mqtt_pid" || { grep -q 'mosquitto version .* running' "$state/mosquitto.log" && ! port_free "$mqtt_port"; }
}

start_mosquitto() {
  for _ in {1..5}; do
    mqtt_port=$(free_port)
    write_mosquitto_conf
    start_child TERM "$state/mosquitto.err" "$(find_mosquitto mosquitto)" -c "$state/mosquitto/mosquitto.conf"
    mqtt_pid=$child
    wait_until 20 mosquitto_up || break
    process_gone "$mqtt_pid" || return 0
  done
  tail -n 20 "$state/mosquitto.log" "$state/mosquitto.err" >&2
  die "Mosquitto did not start"
}

# Every PostgreSQL and Mosquitto whose command line names folder $1, for example a broker that a test restarted.
services_in() {
  local proc line
  for proc in /proc/[0-9]*; do
    { line=$(tr '\0' '\n' <"$proc/cmdline"); } 2>/dev/null || continue
    [[ $line == *"$1/"* && ${line%%$'\n'*} =~ /(postgres|mosquitto)$|^mosquitto$ ]] || continue
    printf '%s\n' "${proc#/proc/}"
  done
}

no_services_in() { [ -z "$(services_in "$1")" ]; }

# stop_pid SIGNAL PID: asks with SIGNAL, and kills what has not ended after ten seconds.
stop_pid() {
  [ -n "$2" ] || return 0
  kill -s "$1" "$2" 2>/dev/null || return 0
  wait_until 10 process_gone "$2" || kill -KILL "$2" 2>/dev/null || true
}

kill_services_in() {
  local pids
  mapfile -t pids < <(services_in "$1")
  [ ${#pids[@]} -gt 0 ] || return 0
  # SIGQUIT is PostgreSQL's immediate shutdown, which takes its helpers along.
  kill -QUIT "${pids[@]}" 2>/dev/null || true
  wait_until 3 no_services_in "$1" && return
  mapfile -t pids < <(services_in "$1")
  [ ${#pids[@]} -eq 0 ] || kill -KILL "${pids[@]}" 2>/dev/null || true
  wait_until 3 no_services_in "$1" || say "a process of $1 cannot be stopped: $(services_in "$1" | tr '\n' ' ')"
}

# discard_run DIR: stops what runs in a services folder and removes it, together with a data folder elsewhere.
discard_run() {
  local data=$1/state
  if [ -s "$1/state-path" ]; then data=$(<"$1/state-path"); fi
  kill_services_in "$data"
  case $data in
    "$1"/*) ;;
    */flextraff-services.??????) rm -rf "$data" ;;
  esac
  rm -rf "$1"
}

# run_owner DIR: id of the living process that owns a services folder; fails when there is none.
run_owner() {
  local pid started
  { read -r pid started <"$1/$owner_file"; } 2>/dev/null || return 1
  ! process_gone "$pid" && [ "$(process_start_time "$pid")" = "$started" ] && printf '%s\n' "$pid"
}

# Removes what runs that were killed have left behind.
sweep_runs() {
  local run
  for run in "$1"/*/; do
    run=${run%/}
    if [ ! -e "$run/$owner_file" ] || [ -e "$run/keep" ] || run_owner "$run" >/dev/null; then continue; fi
    say "cleaning up after a run that was killed: $run"
    discard_run "$run"
  done
}
