//! A program with open spans, which then ends in the way that its first argument names.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use wasmscope::{
    Counter, Logger, Meter, ObservableGauge, Scope, Severity, Status, Tracer, attributes,
};

static TRACER: Tracer = Tracer::new(Scope::new("endings"));
static METER: Meter = Meter::new(Scope::new("endings"));
static LOGGER: Logger = Logger::new(Scope::new("endings"));
static WORK: Counter<u64> = Counter::new(&METER, "work.done");
static OBSERVED: ObservableGauge<u64> = ObservableGauge::new(&METER, "observed.at.the.end");

fn main() -> ExitCode {
    let _telemetry = wasmscope::init();
    OBSERVED.register(|observer| observer.observe(7, &[]));

    TRACER.start("finished before").end();
    let outer = TRACER.enter("outer");
    outer.set_attribute("set.before", 1);
    // An unexpected end is an error even with this status.
    outer.set_status(Status::Ok);
    let inner = TRACER.enter("inner");
    inner.event("got this far", attributes!["step" => 1]);
    // Using another span sends this buffered attribute of the outer span.
    // Until then, a trap loses the attribute, but a panic does not.
    inner.set_attribute("said.last", true);
    WORK.add(3, &[]);
    LOGGER.log(Severity::Info, "about to end");

    let how = std::env::args().nth(1).unwrap_or_default();
    let code = end(&how);
    if how == "leak" {
        std::mem::forget((inner, outer));
    }
    code
}

fn end(how: &str) -> ExitCode {
    match how {
        "leak" => {}
        "exit" => {
            let code = std::env::args().nth(2).and_then(|code| code.parse().ok());
            std::process::exit(code.unwrap_or(0));
        }
        "return-error" => return ExitCode::FAILURE,
        "abort" => std::process::abort(),
        "panic" => panic!("the program gave up: {}", 42),
        "panic-with-a-value" => std::panic::panic_any(5),
        "out-of-bounds" => out_of_bounds(),
        "overflow-the-stack" => println!("{}", overflow(std::hint::black_box(1))),
        "loop" => {
            ready();
            let mut turns = 0u64;
            loop {
                turns = std::hint::black_box(turns.wrapping_add(1));
            }
        }
        "read" => {
            ready();
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            println!("read {read:?}");
        }
        "sleep" => {
            ready();
            std::thread::sleep(Duration::from_secs(3_600));
        }
        "memory" => memory(),
        "write" => fill(std::io::stdout().lock()),
        "write-error" => fill(std::io::stderr().lock()),
        "open-pipe" => {
            ready();
            println!("opened {:?}", std::fs::File::open("/pipes/pipe"));
        }
        "receive" => receive(),
        _ => unreachable!("an ending that is not known: {how}"),
    }
    ExitCode::SUCCESS
}

/// Writes forever, more than fits into any pipe.
fn fill(mut out: impl std::io::Write) {
    let line = "x".repeat(1_000);
    while writeln!(out, "{line}").is_ok() {}
}

/// Waits for a peer that sends nothing.
fn receive() {
    let address = std::env::args().nth(2).expect("an address");
    let mut peer = std::net::TcpStream::connect(address).expect("a connection");
    ready();
    println!("received {:?}", peer.read(&mut [0]));
}

fn ready() {
    println!("ready");
    // Standard output is written line by line, but this is not guaranteed.
    let _ = std::io::stdout().flush();
}

/// A trap that no check of Rust precedes.
fn out_of_bounds() {
    #[cfg(target_arch = "wasm32")]
    {
        #[expect(unsafe_code, reason = "there is no safe way to leave the memory")]
        // SAFETY: the engine traps beyond the end of this memory, which is the purpose.
        let value = unsafe { std::hint::black_box(0xffff_fff0usize as *const u64).read_volatile() };
        println!("read {value} out of bounds");
    }
}

#[expect(unconditional_recursion, reason = "it must end with a trap")]
fn overflow(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 64]);
    overflow(depth + 1) + room[usize::try_from(depth % 64).unwrap_or(0)]
}

fn memory() {
    let mut held: Vec<Vec<u8>> = Vec::new();
    for _ in 0..1_024 {
        let mut more = Vec::new();
        if more.try_reserve_exact(1 << 20).is_err() {
            println!("memory was refused, and the program goes on");
            println!("it had some before: {}", held.len() > 4);
            return;
        }
        more.resize(1 << 20, 1);
        held.push(more);
    }
    println!("a gigabyte was granted");
}
