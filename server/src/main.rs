//! Entry point.

use clap::Parser as _;
use flextraff_server::cmd::{Cli, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    // Two TLS providers could be linked; this names the one before anybody asks for it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    run(Cli::parse())
}
