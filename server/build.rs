//! Makes cargo notice a new migration: the migrator embeds the folder when it is compiled.

#[expect(clippy::print_stdout, reason = "this is how a build script speaks to cargo")]
fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
