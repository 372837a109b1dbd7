//! Passes the linker options for libwasmedge to this package's programs (see `cargo xtask
//! wasmedge`), and the version of the SDK that is the reference.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=../Cargo.lock");
    println!("cargo::rerun-if-env-changed=WASMEDGE_LINK_ARG");
    if let Ok(argument) = std::env::var("WASMEDGE_LINK_ARG") {
        println!("cargo::rustc-link-arg={argument}");
    }
    let lock = std::fs::read_to_string("../Cargo.lock").unwrap_or_default();
    let version = lock
        .split("[[package]]")
        .find(|package| package.contains("name = \"opentelemetry_sdk\""))
        .and_then(|package| package.split("version = \"").nth(1)?.split('"').next())
        .unwrap_or("of an unknown version");
    println!("cargo::rustc-env=OPENTELEMETRY_SDK_VERSION={version}");
}
