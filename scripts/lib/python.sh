# Python and virtual environments under target/. Source after common.sh and packages.sh.
# shellcheck shell=bash

need_python() {
  if ! command -v python3 >/dev/null || ! python3 -c 'import ensurepip, venv' 2>/dev/null; then need_packages python3 python3-venv; fi
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
    || die "Python 3.11 or later is needed, but python3 is $(python3 --version)"
}

# need_venv FOLDER REQUIREMENTS: a virtual environment with exactly these packages from PyPI; made anew when the list has changed.
need_venv() {
  local lock
  if cmp -s "$2" "$1/complete"; then return; fi
  mkdir -p "$(dirname "$1")"
  # Two runs that start together must not both fill the folder.
  exec {lock}>"$1.lock"
  flock "$lock"
  if ! cmp -s "$2" "$1/complete"; then
    say "installing what $(basename "$(dirname "$2")")/$(basename "$2") lists into ${1#"${root:?}"/} (once, a minute)"
    rm -rf "$1"
    python3 -m venv "$1"
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps -r "$2" >&2 \
      || die "these packages cannot be installed: is there a network?"
    cp "$2" "$1/complete"
  fi
  exec {lock}>&-
}
