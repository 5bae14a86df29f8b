//! Makes cargo notice what is embedded at compile time: migrations, and the files of the dashboard.

use std::fs;

const DASHBOARD: &str = "dashboard/dist";

fn main() -> std::io::Result<()> {
    println!("cargo:rerun-if-changed=migrations");
    // A folder that does not exist would count as changed each time.
    fs::create_dir_all(DASHBOARD)?;
    println!("cargo:rerun-if-changed={DASHBOARD}");
    Ok(())
}
