//! Clocks, sleep, and random numbers.

use std::time::{Duration, Instant, SystemTime};

unsafe extern "C" {
    safe fn getentropy(bytes: *mut u8, length: usize) -> i32;
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map_or("", String::as_str) {
        "now" => {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            println!("{}", now.unwrap().as_millis());
        }
        "sleep" => {
            let start = Instant::now();
            std::thread::sleep(Duration::from_millis(args[1].parse().unwrap()));
            println!("{}", start.elapsed().as_millis());
        }
        "random" => {
            let mut bytes = [0u8; 32];
            assert_eq!(getentropy(bytes.as_mut_ptr(), bytes.len()), 0);
            println!("{bytes:?}");
        }
        "seed" => {
            use std::hash::{BuildHasher, RandomState};
            println!("{}", RandomState::new().hash_one(0));
        }
        other => panic!("no `{other}`"),
    }
}
