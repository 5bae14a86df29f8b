# Debian packages that are only unpacked, for this machine and for arm64, without any change to the system. Source after common.sh.
# shellcheck shell=bash

# debian_packages FOLDER: from here on apt-get and apt-cache know amd64 and arm64, and keep what they know in FOLDER.
debian_packages() {
  [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] || die "this needs Debian or Ubuntu on amd64"
  mkdir -p "$1"/state/lists/partial "$1"/cache/archives/partial
  cat >"$1/apt.conf" <<CONF
Dir::State "$1/state";
Dir::State::status "/dev/null";
Dir::Cache "$1/cache";
APT::Architectures { "amd64"; "arm64"; };
APT::Sandbox::User "root";
CONF
  export APT_CONFIG=$1/apt.conf
  apt-get -q update >&2 || die "apt-get cannot reach Debian's archive: is there a network?"
}

# unpack FOLDER PACKAGE…: downloads them and unpacks them into FOLDER.
unpack() {
  local into=$1 packages
  shift
  packages=$(mktemp -d "$into.XXXXXX")
  (cd "$packages" && apt-get -q download "$@" >&2) || die "cannot download $*"
  mkdir -p "$into"
  for package in "$packages"/*.deb; do dpkg-deb -x "$package" "$into"; done
  rm -rf "$packages"
}

# depends PACKAGE PATTERN: what a package depends on directly, of the names that match.
depends() { apt-cache depends "$1" | sed -nE "s/^ *Depends: ($2)(:[a-z0-9]+)?\$/\\1/p"; }

# need_cross_rust FOLDER: a Rust compiler with the libraries for arm64, as Debian packs them, because the toolchains of others cannot be
# reached everywhere; sets what cargo needs to build for it with a target directory in FOLDER.
need_cross_rust() {
  local folder=$1 compiler=$1/rust
  if [ ! -e "$folder/complete" ]; then
    say "downloading a compiler for arm64 (once, 130 MB)"
    rm -rf "$compiler"
    mkdir -p "$folder"
    debian_packages "$folder/apt"
    local library llvm
    library=$(depends libstd-rust-web-dev 'libstd-rust-web-[0-9.]+')
    llvm=$(depends "$library" 'libllvm[0-9]+')
    unpack "$compiler" rustc-web libstd-rust-web-dev:amd64 libstd-rust-web-dev:arm64 "$library" "$llvm"
    cat >"$folder/rustc" <<RUSTC
#!/bin/sh
LD_LIBRARY_PATH=$compiler/usr/lib/x86_64-linux-gnu exec $compiler/usr/bin/rustc --sysroot $compiler/usr "\$@"
RUSTC
    chmod +x "$folder/rustc"
    "$folder/rustc" --version >"$folder/complete" || { rm "$folder/complete" && die "the compiler of $folder does not run"; }
  fi
  export RUSTC=$folder/rustc CARGO_TARGET_DIR=$folder/target
  export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
  export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc AR_aarch64_unknown_linux_gnu=aarch64-linux-gnu-ar
}
