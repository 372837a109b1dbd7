//! A program that uses only the standard library, and prints the same on every host.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, BufRead as _, Read as _, Seek as _, SeekFrom, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime};

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        Some("much") => much(
            args.get(2)
                .and_then(|lines| lines.parse().ok())
                .unwrap_or(0),
        ),
        Some("fail") => {
            eprintln!("it fails");
            return ExitCode::from(3);
        }
        _ => {
            environment(&args);
            words();
            if let Err(error) = files() {
                println!("files: {error}");
            }
            clocks();
            random();
            numbers();
        }
    }
    ExitCode::SUCCESS
}

/// More than a pipe holds.
fn much(lines: u64) {
    let mut out = io::stdout().lock();
    for line in 0..lines {
        if writeln!(
            out,
            "{line:>9} of {lines} lines, which are all of this length"
        )
        .is_err()
        {
            eprintln!("the reader has closed");
            return;
        }
    }
}

fn environment(args: &[String]) {
    println!("arguments: {args:?}");
    let environment: BTreeMap<_, _> = std::env::vars()
        .filter(|(name, _)| name != "WASMSCOPE_RUNTIME")
        .collect();
    println!("environment: {environment:?}");
}

/// Standard input, line by line.
fn words() {
    let mut counts = BTreeMap::<String, usize>::new();
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else {
            println!("a line that is no text");
            continue;
        };
        for word in line.split_whitespace() {
            *counts.entry(word.to_lowercase()).or_default() += 1;
        }
    }
    println!("words: {counts:?}");
}

fn files() -> io::Result<()> {
    fs::create_dir_all("/data/a/b")?;
    fs::write("/data/a/b/one.txt", "0123456789")?;
    OpenOptions::new()
        .append(true)
        .open("/data/a/b/one.txt")?
        .write_all(b"abc")?;
    let mut file = File::options()
        .read(true)
        .write(true)
        .open("/data/a/b/one.txt")?;
    file.seek(SeekFrom::Start(4))?;
    file.write_all("ü".as_bytes())?;
    file.rewind()?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    println!("written, changed and read: {text:?}");
    file.set_len(5)?;
    println!("cut: {} bytes", file.metadata()?.len());
    fs::rename("/data/a/b/one.txt", "/data/two.txt")?;
    fs::copy("/data/two.txt", "/data/three.txt")?;
    let mut entries = Vec::new();
    for entry in fs::read_dir("/data")? {
        let entry = entry?;
        let kind = entry.file_type()?;
        entries.push((
            entry.file_name(),
            kind.is_dir(),
            entry.metadata()?.is_file(),
        ));
    }
    entries.sort();
    println!("entries: {entries:?}");
    println!(
        "modified: {}",
        recent(fs::metadata("/data/two.txt")?.modified()?)
    );
    let kind = |result: io::Result<()>| result.map_err(|error| error.kind());
    println!(
        "a folder that is not empty: {:?}",
        kind(fs::remove_dir("/data/a"))
    );
    fs::remove_dir_all("/data/a")?;
    println!(
        "a file that is not there: {:?}",
        kind(File::open("/data/a").map(drop))
    );
    println!(
        "twice: {:?}",
        kind(File::create_new("/data/two.txt").map(drop))
    );
    println!("a folder as a file: {:?}", kind(fs::write("/data", "")));
    println!("outside: {:?}", kind(File::open("/etc/passwd").map(drop)));
    Ok(())
}

fn recent(time: SystemTime) -> bool {
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    time > long_ago && time <= SystemTime::now() + Duration::from_secs(3_600)
}

fn clocks() {
    let before = Instant::now();
    std::thread::sleep(Duration::from_millis(20));
    println!(
        "slept long enough: {}",
        before.elapsed() >= Duration::from_millis(20)
    );
    println!("time goes on: {}", Instant::now() >= before);
    println!("today is recent: {}", recent(SystemTime::now()));
}

fn random() {
    let numbers = [RandomState::new(), RandomState::new()].map(|state| state.hash_one(1));
    println!("random numbers differ: {}", numbers[0] != numbers[1]);
}

fn numbers() {
    for number in [
        0.1 + 0.2,
        1e300 * 1e10,
        f64::MIN_POSITIVE / 3.0,
        2f64.sqrt(),
        1f64.exp(),
    ] {
        println!("{number} {number:e} {:x}", number.to_bits());
    }
    println!("{:?} {}", u128::MAX.checked_mul(3), i128::MIN / 7);
}
