//! Passes on the link arguments for programs that use libwasmedge, if the feature is on: see `cargo
//! xtask wasmedge`.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=WASMEDGE_LINK_ARG");
    let linked = std::env::var_os("CARGO_FEATURE_WASMEDGE").is_some();
    if let (true, Ok(argument)) = (linked, std::env::var("WASMEDGE_LINK_ARG")) {
        println!("cargo::rustc-link-arg={argument}");
    }
}
