//! How the program is linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = |part: &str| std::env::var(format!("CARGO_CFG_TARGET_{part}")).unwrap_or_default();
    if target("OS") == "linux" && target("ENV") == "gnu" {
        // A tenth of the program would be a list of its own addresses. This form of it (DT_RELR) takes a fortieth of the place; the C library
        // knows it since 2.36, which is that of Debian 12.
        println!("cargo:rustc-link-arg-bin=flextraff-agent=-Wl,-z,pack-relative-relocs");
    }
}
