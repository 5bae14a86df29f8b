# What the benches of the server need. Source after common.sh, packages.sh, rust.sh and python.sh.
# shellcheck shell=bash disable=SC2154

# run_server_bench MODULE ARGUMENT…: builds the server and runs one of them with private services that write to the disk.
run_server_bench() {
  local module=$1 venv=$root/target/bench/server
  shift
  need_python
  export PYTHONPATH=$root/scripts/lib PYTHONDONTWRITEBYTECODE=1
  PATH=$PATH:/usr/sbin
  command -v mosquitto_sub >/dev/null || need_packages mosquitto-clients
  if ! [ -e "$venv/complete-1" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
      aiomqtt==2.5.1 asyncpg==0.32.0 bcrypt==4.3.0 fastapi==0.165.0 pyjwt==2.15.1 python-multipart==0.0.34 uvicorn==0.54.0 >&2
    touch "$venv/complete-1"
  fi
  case " $* " in *' -h '* | *' --help '*) exec "$venv/bin/python" -m "bench_server.$module" --help ;; esac
  if [ -z "${FLEXTRAFF_SERVER-}" ]; then
    need_rust
    say "building the server"
    (cd "$root" && SQLX_OFFLINE=true cargo build --release --locked -p flextraff-server >&2)
  fi
  exec "$root/scripts/with-services" --durable "$venv/bin/python" -m "bench_server.$module" \
    --server "${FLEXTRAFF_SERVER:-$root/target/release/flextraff-server}" "$@"
}
