//! Without a configured authority, the system's are trusted.

use std::path::Path;
use std::process::Command;

use wasmscope_test_support::Tls;

use super::*;
use crate::pipeline::Flushed;

/// Set in the child process with its own authorities. Holds the collector's address if it is to be
/// reached.
const CHILD: &str = "WASMSCOPE_TEST_CHILD";

/// Runs this test again in a child process whose system trusts only the authorities in `file`. A
/// process cannot change its own environment without `unsafe`.
fn with_system_authorities(file: &Path, name: &str, argument: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            &format!("pipeline::tests::authorities::{name}"),
            "--exact",
            "--nocapture",
        ])
        .env(CHILD, argument)
        .env("SSL_CERT_FILE", file)
        .env_remove("SSL_CERT_DIR")
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && shown.contains("1 passed"),
        "{shown}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn system_authority_is_trusted() {
    if let Ok(endpoints) = std::env::var(CHILD) {
        let (http, grpc) = endpoints.split_once(' ').unwrap();
        for protocol in PROTOCOLS {
            let endpoint = match protocol {
                Protocol::Grpc => grpc,
                Protocol::HttpProtobuf | Protocol::HttpJson => http,
            };
            let config = Config::builder()
                .endpoint(endpoint.parse().unwrap())
                .protocol(protocol);
            let pipeline = build(config);
            span(&pipeline, "a span");
            let flushed = pipeline.flush(PATIENCE);
            let status = pipeline.status();
            assert_eq!(flushed, Flushed::Delivered, "{protocol}: {status:?}");
        }
        return;
    }
    let collector = Collector::start_tls(Tls::new());
    with_system_authorities(
        &collector.tls().unwrap().ca_file(),
        "system_authority_is_trusted",
        &format!(
            "{} {}",
            collector.endpoint_http(),
            collector.endpoint_grpc()
        ),
    );
    assert_eq!(collector.spans().len(), PROTOCOLS.len());
}

#[test]
fn system_without_authorities_is_an_error_before_anything_starts() {
    if std::env::var(CHILD).is_ok() {
        for protocol in PROTOCOLS {
            let to = |endpoint: &str| {
                let config = Config::builder()
                    .endpoint(endpoint.parse().unwrap())
                    .protocol(protocol);
                Pipeline::build(config.build().unwrap())
            };
            let error = to("https://127.0.0.1:1").unwrap_err().to_string();
            assert!(
                error.starts_with("certificate: ") && error.contains("the system has none"),
                "{protocol}: {error}"
            );
            assert!(to("http://127.0.0.1:1").is_ok(), "{protocol}");
        }
        return;
    }
    // The file exists but contains no certificate.
    with_system_authorities(
        Path::new("/dev/null"),
        "system_without_authorities_is_an_error_before_anything_starts",
        "",
    );
}
