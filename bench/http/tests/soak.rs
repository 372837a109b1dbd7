//! The soak in short form: some seconds on each runtime, unoptimised.

use std::time::Duration;

use wasmscope_bench_http::Soak;
use wasmscope_test_support::binary::binary;
use wasmscope_test_support::guest;

fn soak(options: &[&str]) {
    let cache = tempfile::tempdir().expect("a folder");
    let soak = Soak {
        wasmscope: binary(),
        guest: guest("hello-http"),
        options: options.iter().copied().map(str::to_owned).collect(),
        cache: cache.path().to_owned(),
        time: Duration::from_secs(10),
        connections: 4,
        queue: 128,
    };
    let soaked = soak.run(|line| println!("{line}"));
    let soaked = soaked.unwrap_or_else(|error| panic!("{error:?}"));
    println!("{soaked:?}");
}

#[test]
fn losses_are_counted_on_wasmtime() {
    soak(&[]);
}

#[test]
fn losses_are_counted_on_wasmedge() {
    soak(&["--runtime", "wasmedge", "--aot"]);
}
