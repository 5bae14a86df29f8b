//! Entry point.

use std::process::ExitCode;

fn main() -> ExitCode {
    flextraff_agent::cmd::main()
}
