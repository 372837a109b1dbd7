//! Answers that break the protocol cost neither time nor memory, and do not falsify a count.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use wasmscope_test_support::Reply;

use super::*;
use crate::pipeline::{Flushed, Report};

/// Answers each request over HTTP with the bytes that `answer` writes, and closes the connection.
fn serve(answer: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // The thread ends with the process.
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let mut buffer = [0; 1 << 16];
            if let Ok(1..) = stream.read(&mut buffer) {
                // Read the rest of the request: closing with unread bytes would reset the
                // connection and lose the answer.
                let _ = stream.set_read_timeout(Some(Duration::from_millis(50)));
                while let Ok(1..) = stream.read(&mut buffer) {}
                let _ = answer(&mut stream);
            }
        }
    });
    format!("http://{address}")
}

/// Sends three spans; returns the report and how long it took.
fn sent_to(endpoint: &str) -> (Report, Duration) {
    let config = Config::builder()
        .endpoint(endpoint.parse().unwrap())
        .timeout(Duration::from_secs(2))
        .metric_interval(Duration::from_secs(3_600));
    let pipeline = build(config);
    (0..3).for_each(|_| span(&pipeline, "a span"));
    let start = Instant::now();
    pipeline.flush(PATIENCE);
    let took = start.elapsed();
    let report = pipeline.shutdown(PATIENCE);
    let traces = report.traces;
    assert_eq!(
        traces.delivered() + traces.lost(),
        3,
        "each span is accounted for once: {traces:?}"
    );
    (report, took)
}

#[test]
fn endless_answers_are_cut_off() {
    let forever = |begin: &'static str, part: Vec<u8>, pause: Duration| {
        serve(move |stream| {
            stream.write_all(begin.as_bytes())?;
            loop {
                stream.write_all(&part)?;
                std::thread::sleep(pause);
            }
        })
    };
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let refused = "HTTP/1.1 400 Bad Request\r\ncontent-length: 99999999999\r\n\r\n";
    let chunk = [b"10000\r\n".as_slice(), &[b'x'; 1 << 16], b"\r\n"].concat();
    let slow = Duration::from_millis(20);
    for (what, endpoint) in [
        ("body", forever(chunked, chunk, Duration::ZERO)),
        (
            "error",
            forever(refused, vec![b'x'; 1 << 16], Duration::ZERO),
        ),
        ("slow body", forever(refused, b"x".to_vec(), slow)),
        (
            "slow head",
            forever("HTTP/1.1 200 OK\r\nx: ", b"x".to_vec(), slow),
        ),
        (
            "head",
            forever(
                "HTTP/1.1 200 OK\r\nx: ",
                vec![b'x'; 1 << 16],
                Duration::ZERO,
            ),
        ),
        (
            "headers",
            forever(
                "HTTP/1.1 200 OK\r\n",
                b"x: y\r\n".repeat(999),
                Duration::ZERO,
            ),
        ),
    ] {
        let (report, took) = sent_to(&endpoint);
        assert_eq!(report.traces.failed, 3, "{what}");
        assert!(took < Duration::from_secs(10), "{what}: {took:?}");
        let message = report.first_error.unwrap();
        assert!(message.len() < 600, "{what}: {message}");
    }
}

#[test]
fn compressed_answers_are_not_expanded() {
    // 64 MiB when decompressed.
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let zeros = vec![0; 1 << 20];
    for _ in 0..64 {
        encoder.write_all(&zeros).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        bomb.len()
    );
    let endpoint = serve(move |stream| {
        stream.write_all(head.as_bytes())?;
        stream.write_all(&bomb)
    });
    let (report, took) = sent_to(&endpoint);
    assert_eq!((report.traces.exported, report.lost()), (3, 0));
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[test]
fn absurd_retry_after_is_not_waited_for() {
    for wait in [
        "18446744073709551615",
        "99999999999999999999999",
        "-1",
        "1e300",
        "NaN",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "",
    ] {
        let head = format!(
            "HTTP/1.1 503 Service Unavailable\r\nretry-after: {wait}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        let endpoint = serve(move |stream| stream.write_all(head.as_bytes()));
        let (report, took) = sent_to(&endpoint);
        assert_eq!(report.traces.failed, 3, "{wait}");
        assert!(took < Duration::from_secs(10), "{wait}: {took:?}");
    }
    for code in [429, 503] {
        let collector = Collector::start();
        let forever = Duration::from_secs(u64::MAX);
        collector.respond_always(Reply::retry_after(code, forever));
        let pipeline = build(to(&collector, Protocol::Grpc));
        span(&pipeline, "a span");
        let start = Instant::now();
        assert_eq!(pipeline.flush(PATIENCE), Flushed::Failed, "{code}");
        assert!(start.elapsed() < Duration::from_secs(5), "{code}");
    }
}

#[test]
fn numbers_of_rejected_items_are_clamped_in_every_protocol_and_signal() {
    for protocol in PROTOCOLS {
        for (claimed, counted) in [(i64::MAX, 1), (1, 1), (0, 0), (-10, 0), (i64::MIN, 0)] {
            let collector = Collector::start();
            collector.respond_always(Reply::partial(claimed, "absurd"));
            let pipeline = build(to(&collector, protocol));
            one_of_each(&pipeline);
            let report = pipeline.shutdown(PATIENCE);
            for signal in Signal::ALL {
                let one = report.signal(signal);
                assert!(one.exported > 0, "{protocol} {signal:?}");
                let most = one.exported * counted;
                assert!(one.rejected <= most, "{protocol} {claimed}: {one:?}");
                assert_eq!(one.lost(), one.rejected, "{protocol} {claimed}: {one:?}");
                assert_eq!(one.delivered() + one.lost(), one.exported);
            }
            assert_eq!(report.logs.rejected, counted, "{protocol} {claimed}");
        }
    }
}
