# The Rust toolchain and the tools built with it. Source after common.sh and packages.sh.
# shellcheck shell=bash disable=SC2154

# What the scripts build and start lies here, whatever the caller's environment says.
export CARGO_TARGET_DIR=$root/target

# Checks for cargo and rustc, new enough for this workspace, and for the C compiler that bundled SQLite and ring need.
need_rust() {
  local needed found
  if ! command -v cargo >/dev/null && [ -x ~/.cargo/bin/cargo ]; then PATH=$HOME/.cargo/bin:$PATH; fi
  needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
  { command -v cargo && command -v rustc; } >/dev/null \
    || die "cargo and rustc are missing: install Rust $needed or later, see https://rustup.rs"
  found=$(rustc --version | cut -d' ' -f2)
  printf '%s\n' "$needed" "${found%%-*}" | sort -VC \
    || die "Rust $needed or later is needed, but rustc is $found: run 'rustup update', or see https://rustup.rs"
  command -v cc >/dev/null || need_packages gcc libc6-dev
}

# need_component NAME: rustfmt and clippy are part of the toolchain, but not of every installation.
need_component() {
  cargo "${2:-$1}" --version >/dev/null 2>&1 || die "$1 is missing: run 'rustup component add $1'"
}

# need_tool CRATE VERSION: builds a cargo tool into target/tools, once.
need_tool() {
  local bin=$root/target/tools/bin/$1
  if [ -x "$bin" ] && [ "$("$bin" --version)" = "$1 $2" ]; then return; fi
  say "building $1 $2 into target/tools (some minutes)"
  env -u CARGO_TARGET_DIR cargo install --locked --force --root "$root/target/tools" "$1@$2" </dev/null >&2
}
