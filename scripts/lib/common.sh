# Shared by every script: where the checkout is, messages, waiting. Source it, do not run it.
# shellcheck shell=bash

# shellcheck disable=SC2034 # used by those who source this
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
script=$(basename "$0")

# Messages go to standard error: standard output belongs to the command that a script runs.
say() { printf '%s: %s\n' "$script" "$*" >&2; }

die() {
  say "$@"
  exit 1
}

# Prints the comment block at the top of the running script.
usage() { sed -n '2,/^[^#]/{ s/^# \{0,1\}//p; }' "$0"; }

# The value of option $1, which must be followed by one: option_value --dir "$@".
option_value() {
  [ $# -ge 3 ] || die "option $1 needs a value (see $script --help)"
  printf '%s\n' "$3"
}

# wait_until SECONDS COMMAND…: repeats COMMAND until it succeeds; fails after the deadline.
wait_until() {
  local deadline=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
  shift
  until "$@"; do
    ((${EPOCHREALTIME/[.,]/} < deadline)) || return 1
    sleep 0.03
  done
}

# A process that has ended but that nobody has waited for yet counts as gone.
process_gone() {
  local stat
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
  [[ ${stat##*) } == [ZX]* ]]
}

# Field 22 of /proc/PID/stat, which together with the id names one process for good.
process_start_time() {
  local stat fields
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  read -ra fields <<<"${stat##*) }"
  printf '%s\n' "${fields[19]}"
}

# heed_interrupts "$@": a shell script's background commands start with Ctrl-C (SIGINT) ignored, and bash cannot undo
# that for itself: starts the running script anew with it heeded.
heed_interrupts() {
  local key mask
  while read -r key mask; do
    [ "$key" != SigIgn: ] || break
  done </proc/self/status
  # Bit 1 is SIGINT. /proc/self is this shell, because the loop is not in a subshell.
  ((0x$mask & 2)) || return 0
  exec env --default-signal=INT "$0" "$@"
}
