//! Entry point.

use clap::Parser as _;
use flextraff_server::cmd::{Cli, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    give_memory_back();
    // Two TLS providers could be linked; this names the one before anybody asks for it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    run(Cli::parse())
}

/// Hashing a password takes 19 MiB. glibc by itself learns from the first such block to keep the next ones for each thread, which after a
/// morning's sign-ins is a gigabyte; with a fixed limit every large block goes back to the system.
fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    #[expect(unsafe_code, reason = "a setting of the C library has no other way to it")]
    // SAFETY: called before any other thread exists; it sets a number.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 20);
    }
}
