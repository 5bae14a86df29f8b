# The traffic simulator SUMO in a virtual environment under target/. Source after common.sh, packages.sh and python.sh.
# shellcheck shell=bash disable=SC2154

# What reads the nets and draws the plots is the same for every version of SUMO.
sumo_companions=(sumolib==1.28.0 matplotlib==3.10.8)

# need_sumo VERSION: sets sumo_python to an interpreter that has that version from PyPI.
need_sumo() {
  local venv=$root/target/bench/sumo-$1 wanted="$1 ${sumo_companions[*]}" lock log
  sumo_python=$venv/bin/python
  if [ "$(cat "$venv/complete" 2>/dev/null)" = "$wanted" ]; then return; fi
  mkdir -p "$root/target/bench"
  # Two benches that start together must not both fill the folder.
  exec {lock}>"$root/target/bench/sumo.lock"
  flock "$lock"
  if [ "$(cat "$venv/complete" 2>/dev/null)" != "$wanted" ]; then
    say "installing SUMO $1 into target/bench/sumo-$1 (once, a minute or two)"
    rm -rf "$venv"
    python3 -m venv "$venv"
    pip_install "eclipse-sumo==$1" "${sumo_companions[@]}" >&2 \
      || die "SUMO $1 cannot be installed: is the version right (https://pypi.org/project/eclipse-sumo/#history), is there a network?"
    log=$(pip_install "libsumo==$1" 2>&1) || {
      [[ $log == *'No matching distribution'* ]] || die "libsumo $1 cannot be installed: $log"
      say "there is no libsumo $1 for this Python: SUMO runs over TraCI, three to four times slower"
    }
    printf '%s\n' "$wanted" >"$venv/complete"
  fi
  exec {lock}>&-
}

pip_install() { "$sumo_python" -m pip install --quiet --disable-pip-version-check --only-binary :all: "$@"; }
