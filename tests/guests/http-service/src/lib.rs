//! An HTTP service that behaves in the way that the path of the request says.

mod print;

use std::cell::{Cell, RefCell};

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingRequest, OutgoingBody, OutgoingResponse,
    ResponseOutparam,
};
use wasip2::io::streams::StreamError;
use wasmscope::{SpanKind, Tracer};

static TRACER: Tracer = wasmscope::tracer!();

thread_local! {
    static COUNT: Cell<u32> = const { Cell::new(0) };
    /// Resources that a request leaves behind.
    static KEPT: RefCell<Vec<Fields>> = const { RefCell::new(Vec::new()) };
}

struct Service;

wasip2::http::proxy::export!(Service);

impl Guest for Service {
    fn handle(request: IncomingRequest, response_out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let (path, query) = (path.to_owned(), query.to_owned());
        let span = TRACER.enter("handle");
        span.set_attribute("path", path.as_str());
        match path.as_str() {
            "/ok" => respond(response_out, 200, b"ok\n"),
            "/count" => {
                let count = COUNT.get() + 1;
                COUNT.set(count);
                respond(response_out, 200, format!("{count}\n").as_bytes());
            }
            "/keep" => {
                KEPT.with_borrow_mut(|kept| kept.push(Fields::new()));
                let kept = KEPT.with_borrow(Vec::len);
                respond(response_out, 200, format!("{kept}\n").as_bytes());
            }
            "/empty" => empty(response_out, 204),
            "/head" => respond(response_out, 200, b"a body that HEAD does not get\n"),
            "/unavailable" => respond(response_out, 503, b"later\n"),
            "/error" => ResponseOutparam::set(response_out, Err(ErrorCode::DestinationUnavailable)),
            "/none" => drop(response_out),
            "/trap-before" => trap(),
            "/trap-in-body" => {
                let body = begin(response_out, 200, Fields::new());
                write(&body, b"part");
                trap();
            }
            "/trap-after" => {
                respond(response_out, 200, b"all\n");
                trap();
            }
            "/loop" => endless(),
            "/work" => {
                work(query.parse().unwrap_or_default());
                respond(response_out, 200, b"done\n");
            }
            "/memory" => {
                let taken = vec![1_u8; 64 << 20];
                let length = std::hint::black_box(&taken).len();
                respond(response_out, 200, format!("{length} bytes\n").as_bytes());
            }
            "/loop-in-body" => {
                let body = begin(response_out, 200, Fields::new());
                write(&body, b"part");
                endless();
            }
            "/stream" => stream(response_out),
            "/short" => {
                let headers = with_length(10);
                let body = begin(response_out, 200, headers);
                write(&body, b"abc");
                let _ = OutgoingBody::finish(body, None);
            }
            "/read" => read(request, response_out),
            "/echo" => echo(request, response_out),
            "/exit" => std::process::exit(3),
            "/exit-after" => {
                respond(response_out, 200, b"all\n");
                std::process::exit(0);
            }
            "/forget" => {
                let body = begin(response_out, 200, Fields::new());
                write(&body, b"part");
                std::mem::forget(body);
            }
            "/print" => {
                print::some(&query);
                respond(response_out, 200, b"printed\n");
            }
            "/print-and-trap" => {
                print::some(&query);
                trap();
            }
            "/print-much" => {
                print::much();
                respond(response_out, 200, b"printed\n");
            }
            "/print-endless" => print::endless(),
            "/print-odd" => {
                print::odd();
                respond(response_out, 200, b"printed\n");
            }
            "/stdin" => {
                let length = print::read();
                respond(response_out, 200, format!("{length} bytes\n").as_bytes());
            }
            "/panic" => {
                let _telemetry = wasmscope::init();
                panic!("on purpose");
            }
            "/orders/7" => {
                wasmscope::route("/orders/{id}");
                wasmscope::invocation().set_attribute("guest.order", 7);
                respond(response_out, 200, b"order\n");
            }
            "/files/7" => {
                let request = TRACER.span("request").with_kind(SpanKind::Server).enter();
                request.set_attribute("http.route", "/files/{id}");
                respond(response_out, 200, b"file\n");
            }
            _ => respond(response_out, 404, b"not found\n"),
        }
    }
}

fn trap() -> ! {
    std::process::abort()
}

fn endless() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

/// Takes some instructions for each turn.
fn work(turns: u32) {
    for turn in 0..turns {
        std::hint::black_box(turn);
    }
}

fn with_length(length: usize) -> Fields {
    let headers = Fields::new();
    headers
        .set("content-length", &[length.to_string().into_bytes()])
        .expect("a length may be set");
    headers
}

/// Sets the response, and returns its body.
fn begin(response_out: ResponseOutparam, status: u16, headers: Fields) -> OutgoingBody {
    let response = OutgoingResponse::new(headers);
    response.set_status_code(status).expect("a status");
    let body = response.body().expect("the first call");
    ResponseOutparam::set(response_out, Ok(response));
    body
}

fn write(body: &OutgoingBody, bytes: &[u8]) {
    let stream = body.write().expect("the first call");
    for part in bytes.chunks(4096) {
        if stream.blocking_write_and_flush(part).is_err() {
            return;
        }
    }
}

fn respond(response_out: ResponseOutparam, status: u16, bytes: &[u8]) {
    let body = begin(response_out, status, with_length(bytes.len()));
    write(&body, bytes);
    let _ = OutgoingBody::finish(body, None);
}

fn empty(response_out: ResponseOutparam, status: u16) {
    let body = begin(response_out, status, Fields::new());
    let _ = OutgoingBody::finish(body, None);
}

/// Writes until the stream is closed.
fn stream(response_out: ResponseOutparam) {
    let body = begin(response_out, 200, Fields::new());
    let stream = body.write().expect("the first call");
    while stream.blocking_write_and_flush(&[b'x'; 4096]).is_ok() {}
}

/// Reads the body, and responds with its length.
fn read(request: IncomingRequest, response_out: ResponseOutparam) {
    let body = request.consume().expect("the first call");
    let stream = body.stream().expect("the first call");
    let mut length = 0;
    loop {
        match stream.blocking_read(65_536) {
            Ok(bytes) => length += bytes.len(),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(_)) => {
                return respond(response_out, 400, b"the body broke off\n");
            }
        }
    }
    respond(response_out, 200, format!("{length} bytes\n").as_bytes());
}

/// Sends the body back piece by piece, and then the trailers.
fn echo(request: IncomingRequest, response_out: ResponseOutparam) {
    let headers = Fields::new();
    let _ = headers.set("trailer", &[b"x-sum".to_vec()]);
    let to = begin(response_out, 200, headers);
    let from = request.consume().expect("the first call");
    {
        let (input, output) = (
            from.stream().expect("the first call"),
            to.write().expect("the first call"),
        );
        while let Ok(bytes) = input.blocking_read(4096) {
            if output.blocking_write_and_flush(&bytes).is_err() {
                return;
            }
        }
    }
    let trailers = IncomingBody::finish(from);
    trailers.subscribe().block();
    let trailers = match trailers.get() {
        Some(Ok(Ok(trailers))) => trailers,
        _ => None,
    };
    let _ = OutgoingBody::finish(to, trailers.map(|trailers| trailers.clone()));
}
