# Finding programs and installing what is missing. Source after common.sh.
# shellcheck shell=bash

# need_packages PACKAGE…: installs them with apt, through sudo when not root.
need_packages() {
  local as_root=()
  command -v apt-get >/dev/null \
    || die "$* missing, and there is no apt-get here: install them by hand, then run this again"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null \
      || die "$* missing, and neither root nor sudo is at hand. As root, run: apt-get install --no-install-recommends $*"
    as_root=(sudo)
    # Without a terminal nobody can type a password.
    [ -t 2 ] || as_root+=(-n)
  fi
  say "installing $*"
  "${as_root[@]}" "$(dirname "${BASH_SOURCE[0]}")/apt-install" "$@" </dev/null >&2 \
    || die "could not install $*. As root, run: apt-get install --no-install-recommends $*"
}

# Folder of the newest PostgreSQL programs, version 14 or later; fails when there is none.
find_postgres() {
  local initdb version
  for initdb in $(printf '%s\n' /usr/lib/postgresql/*/bin/initdb | sort -t/ -k5,5Vr) "$(command -v initdb || true)"; do
    [ -x "$initdb" ] || continue
    version=$("$initdb" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
    if [ "$version" -ge 14 ]; then
      dirname "$(readlink -f "$initdb")"
      return
    fi
  done
  return 1
}

# find_mosquitto NAME: Debian puts the broker into /usr/sbin, which is not on everybody's PATH.
find_mosquitto() {
  PATH=$PATH:/usr/sbin:/usr/local/sbin command -v "$1"
}

need_services() {
  local missing=()
  { find_mosquitto mosquitto && find_mosquitto mosquitto_passwd; } >/dev/null || missing+=(mosquitto)
  command -v mosquitto_sub >/dev/null || missing+=(mosquitto-clients)
  { find_postgres && command -v psql; } >/dev/null || missing+=(postgresql)
  [ ${#missing[@]} -eq 0 ] || need_packages "${missing[@]}"
}
