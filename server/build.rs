//! Makes cargo notice a new migration: the migrator embeds the folder when it is compiled.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
