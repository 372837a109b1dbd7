//! `wasi:clocks` and `wasi:random`.

use std::time::{Duration, SystemTime};

use crate::common::run;
use component_wasi::wasmtime_wasi::HostWallClock;

fn number(text: &str) -> u128 {
    text.trim().parse().expect("the output is a number")
}

#[test]
fn the_wall_clock_is_the_hosts() {
    let now = || {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.unwrap().as_millis()
    };
    let before = now();
    let ended = run("time", &["now"], |_| {});
    assert!((before..=now()).contains(&number(ended.output())));
}

#[test]
fn a_sleep_takes_as_long_as_asked() {
    let ended = run("time", &["sleep", "150"], |_| {});
    let slept = number(ended.output());
    assert!((150..5_000).contains(&slept), "{slept} ms");
    assert!(ended.time >= Duration::from_millis(150));
    let ended = run("time", &["sleep", "0"], |_| {});
    assert!(number(ended.output()) < 5_000);
}

#[test]
fn random_numbers_differ_from_run_to_run() {
    for kind in ["random", "seed"] {
        let first = run("time", &[kind], |_| {});
        let second = run("time", &[kind], |_| {});
        assert!(!first.output().is_empty());
        assert_ne!(first.output(), second.output());
    }
}

#[test]
fn random_numbers_and_clocks_can_be_replaced() {
    struct Stopped;
    impl HostWallClock for Stopped {
        fn resolution(&self) -> Duration {
            Duration::from_secs(1)
        }
        fn now(&self) -> Duration {
            Duration::from_millis(1_234)
        }
    }
    let ended = run("time", &["now"], |ctx| {
        ctx.wall_clock(Stopped);
    });
    assert_eq!(ended.output(), "1234\n");
    let seeded = || {
        run("time", &["seed"], |ctx| {
            ctx.insecure_random_seed(7);
        })
    };
    assert_eq!(seeded().output(), seeded().output());
}
