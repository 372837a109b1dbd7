//! Clocks and random numbers. Their values differ between runs, but their properties do not.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::{Duration, Instant, SystemTime};

use wasmscope::{Scope, Tracer};

static TRACER: Tracer = Tracer::new(Scope::new("clocks"));

fn main() {
    let _telemetry = wasmscope::init();
    let span = TRACER.enter("sleeps");
    let (wall, start) = (SystemTime::now(), Instant::now());
    std::thread::sleep(Duration::from_millis(30));
    let slept = start.elapsed();
    drop(span);
    let passed = wall.elapsed().unwrap_or_default();
    println!("slept long enough: {}", slept >= Duration::from_millis(30));
    println!("not much longer: {}", slept < Duration::from_secs(20));
    println!(
        "by the wall clock too: {}",
        passed >= Duration::from_millis(25)
    );
    let year = Duration::from_secs(365 * 24 * 60 * 60);
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    println!(
        "the year is of our time: {}",
        since > 50 * year && since < 200 * year
    );
    let random = || RandomState::new().build_hasher().finish();
    println!("random numbers differ: {}", random() != random());
}
