//! Passes the linker options for libwasmedge to this package's programs: see `cargo xtask
//! wasmedge`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=WASMEDGE_LINK_ARG");
    if let Ok(argument) = std::env::var("WASMEDGE_LINK_ARG") {
        println!("cargo::rustc-link-arg={argument}");
    }
}
