//! Entry point.

use clap::Parser as _;
use flextraff_server::cmd::{Cli, run};
use std::process::ExitCode;

/// Ingest asks for memory and gives it back a hundred times a message, and hashing a password takes 19 MiB: this allocator costs a third of
/// glibc's in the first case, and lets go of such blocks in the second, where glibc keeps one for each thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Two TLS providers could be linked; this names the one before anybody asks for it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    run(Cli::parse())
}
