//! With a wrong port or protocol, the message names the setting to change.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use wasmscope_test_support::{Reply, Tls};

use super::*;
use crate::config::{Certificates, PrivateKey};
use crate::pipeline::Flushed;

/// The server that listens instead of a collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Server {
    HttpPlain,
    GrpcPlain,
    HttpTls,
    GrpcTls,
    /// HTTP/1 only, like many proxies and backends.
    Http1Plain,
    Closed,
    /// Sends a greeting first.
    Ssh,
    /// Answers anything with an error of its own protocol.
    Redis,
    /// Accepts connections and sends nothing.
    Silent,
    /// Accepts connections and closes them.
    Cutting,
}

const SERVERS: [Server; 10] = [
    Server::HttpPlain,
    Server::GrpcPlain,
    Server::HttpTls,
    Server::GrpcTls,
    Server::Http1Plain,
    Server::Closed,
    Server::Ssh,
    Server::Redis,
    Server::Silent,
    Server::Cutting,
];

/// A running server with the values that keep it alive.
struct Running {
    address: String,
    /// The collector, if the server is one.
    collector: Option<Collector>,
}

impl Server {
    fn start(self) -> Running {
        let of = |collector: Collector, grpc: bool| {
            let endpoint = if grpc {
                collector.endpoint_grpc()
            } else {
                collector.endpoint_http()
            };
            let address = endpoint.split_once("://").unwrap().1.to_owned();
            Running {
                address,
                collector: Some(collector),
            }
        };
        match self {
            Self::HttpPlain => of(Collector::start(), false),
            Self::GrpcPlain => of(Collector::start(), true),
            Self::HttpTls => of(Collector::start_tls(Tls::new()), false),
            Self::GrpcTls => of(Collector::start_tls(Tls::new()), true),
            Self::Closed => of(Collector::refusing(), false),
            Self::Http1Plain => raw(
                b"",
                Some(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
            ),
            Self::Ssh => raw(b"SSH-2.0-OpenSSH_9.9\r\n", None),
            Self::Redis => raw(b"", Some(b"-ERR unknown command\r\n")),
            Self::Silent => raw(b"", None),
            Self::Cutting => raw(b"", Some(b"")),
        }
    }
}

/// Listens, sends `greeting` on every connection, answers the first bytes it reads with `answer`,
/// and closes. Without an answer it keeps reading.
fn raw(greeting: &'static [u8], answer: Option<&'static [u8]>) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    // The threads end with the process.
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            std::thread::spawn(move || {
                let _ = stream.write_all(greeting);
                let mut buffer = [0; 1 << 16];
                while let Ok(1..) = stream.read(&mut buffer) {
                    if let Some(answer) = answer {
                        let _ = stream.write_all(answer);
                        return;
                    }
                }
            });
        }
    });
    Running {
        address,
        collector: None,
    }
}

const FLAGS: &[(&str, &str)] = &[
    ("protocol", "--otlp-protocol"),
    ("endpoint", "--otlp-endpoint"),
];

/// Sends a span and returns the error message, which is empty if the span arrives.
fn message(
    protocol: Protocol,
    secure: bool,
    running: &Running,
    with: impl FnOnce(ConfigBuilder) -> ConfigBuilder,
) -> String {
    let scheme = if secure { "https" } else { "http" };
    let endpoint = format!("{scheme}://{}", running.address);
    let mut config = Config::builder()
        .endpoint(endpoint.parse().unwrap())
        .protocol(protocol)
        .flags(FLAGS)
        .timeout(Duration::from_millis(1_500));
    if let (true, Some(tls)) = (secure, running.collector.as_ref().and_then(Collector::tls)) {
        config = config.certificate(Certificates::read(&tls.ca_file()).unwrap());
    } else if secure {
        config = config.certificate(Certificates::read(&Tls::new().ca_file()).unwrap());
    }
    let pipeline = build(with(config));
    span(&pipeline, "a span");
    let report = pipeline.shutdown(PATIENCE);
    report.first_error.unwrap_or_default()
}

#[test]
fn every_client_server_pair_works_or_names_the_setting_to_change() {
    // Some clients wait for an answer that never comes, so they run in parallel.
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let servers = SERVERS.map(|server| scope.spawn(move || wrong_pairings(server)));
        let wrong = servers
            .into_iter()
            .flat_map(|server| server.join().unwrap());
        wrong.collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Tries every client with a server, and lists those whose message lacks the expected hint.
fn wrong_pairings(server: Server) -> Vec<String> {
    let mut wrong = Vec::new();
    for protocol in PROTOCOLS {
        for secure in [false, true] {
            let running = server.start();
            let message = message(protocol, secure, &running, |config| config);
            let grpc = protocol == Protocol::Grpc;
            let fits = match server {
                Server::HttpPlain => !grpc && !secure,
                Server::HttpTls => !grpc && secure,
                Server::GrpcPlain => grpc && !secure,
                Server::GrpcTls => grpc && secure,
                Server::Http1Plain
                | Server::Closed
                | Server::Ssh
                | Server::Redis
                | Server::Silent
                | Server::Cutting => false,
            };
            let words = if fits {
                &[]
            } else {
                hint(server, grpc, secure)
            };
            if message.is_empty() != fits || !words.iter().all(|word| message.contains(word)) {
                wrong.push(format!(
                    "{server:?} {protocol} {secure}: no {words:?} in {message:?}"
                ));
            }
        }
    }
    wrong
}

/// Returns the expected parts of the message if client and server do not match.
fn hint(server: Server, grpc: bool, secure: bool) -> &'static [&'static str] {
    const TO_GRPC: &str = "set --otlp-protocol or OTEL_EXPORTER_OTLP_PROTOCOL to grpc";
    const TO_HTTP: &str = "set --otlp-protocol or OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf";
    const TO_PLAIN: &str = "set --otlp-endpoint or OTEL_EXPORTER_OTLP_ENDPOINT to http://";
    const TO_TLS: &str = "begin --otlp-endpoint or OTEL_EXPORTER_OTLP_ENDPOINT with https://";
    const ENDPOINT: &str = "--otlp-endpoint or OTEL_EXPORTER_OTLP_ENDPOINT";
    match (server, grpc, secure) {
        (Server::Closed, ..) => &["onnection refused", "nothing listens there", ENDPOINT],
        (Server::Silent, true, _) => &["no answer within 1.5s", TO_HTTP],
        (Server::Silent, false, _) => &["no answer within 1.5s", TO_GRPC],
        (Server::Cutting, true, _) => &[TO_HTTP],
        (Server::Cutting, false, _) => &[TO_GRPC],
        (Server::HttpTls | Server::GrpcTls, false, false) => &[TO_GRPC, TO_TLS],
        (Server::HttpTls | Server::GrpcTls, true, false) => &[TO_HTTP, TO_TLS],
        // This collector's HTTP port accepts HTTP/2 as well.
        (Server::HttpPlain, true, false) | (Server::HttpTls, true, true) => {
            &["the answer is not gRPC", "404", TO_HTTP]
        }
        (Server::GrpcPlain | Server::GrpcTls, false, _) if !secure || server == Server::GrpcTls => {
            &[TO_GRPC]
        }
        (Server::HttpPlain | Server::GrpcPlain, _, true) => &[TO_PLAIN],
        (Server::Http1Plain | Server::Redis | Server::Ssh, _, true) => &[TO_PLAIN],
        (Server::Http1Plain, false, false) => &["400 Bad Request"],
        (_, true, _) => &[TO_HTTP],
        (_, false, _) => &[TO_GRPC],
    }
}

#[test]
fn untrusted_and_missing_certificates_are_reported() {
    for protocol in PROTOCOLS {
        let server = |tls| {
            let collector = Collector::start_tls(tls);
            let endpoint = match protocol {
                Protocol::Grpc => collector.endpoint_grpc(),
                Protocol::HttpProtobuf | Protocol::HttpJson => collector.endpoint_http(),
            };
            let address = endpoint.split_once("://").unwrap().1.to_owned();
            Running {
                address,
                collector: Some(collector),
            }
        };
        let running = server(Tls::new());
        let other = Tls::new();
        let untrusted = message(protocol, true, &running, |config| {
            config.certificate(Certificates::read(&other.ca_file()).unwrap())
        });
        assert!(
            untrusted.contains("set OTEL_EXPORTER_OTLP_CERTIFICATE to the authority's PEM file"),
            "{protocol}: {untrusted}"
        );

        let wants = server(Tls::mutual());
        let none = message(protocol, true, &wants, |config| config);
        assert!(
            none.contains(
                "set OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY"
            ),
            "{protocol}: {none}"
        );
        let given = message(protocol, true, &wants, |config| {
            let tls = wants.collector.as_ref().unwrap().tls().unwrap();
            config
                .client_certificate(Certificates::read(&tls.client_cert_file()).unwrap())
                .client_key(PrivateKey::read(&tls.client_key_file()).unwrap())
        });
        assert_eq!(given, "", "{protocol}");
    }
}

#[test]
fn unknown_host_is_reported() {
    for protocol in PROTOCOLS {
        let nowhere = Running {
            address: String::from("collector.invalid:4318"),
            collector: None,
        };
        let message = message(protocol, false, &nowhere, |config| {
            config.timeout(Duration::from_secs(20))
        });
        assert!(
            message.contains("; check the host in --otlp-endpoint or OTEL_EXPORTER_OTLP_ENDPOINT"),
            "{protocol}: {message}"
        );
    }
}

#[test]
fn answers_come_with_the_collectors_reason_and_a_hint() {
    let table: &[(u16, &[&str], &[&str])] = &[
        (
            400,
            &[
                "400 Bad Request: scripted by the test",
                "look at its log",
                "--otlp-endpoint",
            ],
            &[
                "InvalidArgument: scripted by the test",
                "look at its log",
                "--otlp-endpoint",
            ],
        ),
        (
            401,
            &["401", "OTEL_EXPORTER_OTLP_HEADERS"],
            &["Unauthenticated", "OTEL_EXPORTER_OTLP_HEADERS"],
        ),
        (
            403,
            &["403", "OTEL_EXPORTER_OTLP_HEADERS"],
            &["PermissionDenied", "OTEL_EXPORTER_OTLP_HEADERS"],
        ),
        (
            404,
            &["404", "check the path in --otlp-endpoint"],
            &["Unimplemented", "no OTLP service there"],
        ),
        (405, &["405", "check the path"], &["Unknown: scripted"]),
        (
            413,
            &["413", "the span \"a span\"", "WASMSCOPE_LIMITS=span_bytes"],
            &["Unknown: scripted"],
        ),
        (415, &["415", "set --otlp-protocol"], &["Unknown: scripted"]),
        (
            429,
            &["429", "raise its limits", "OTEL_TRACES_SAMPLER"],
            &[
                "ResourceExhausted: scripted",
                "raise its limits",
                "OTEL_TRACES_SAMPLER",
            ],
        ),
        (
            500,
            &["500", "look at its log"],
            &["Unknown: scripted", "look at its log"],
        ),
        (
            502,
            &["502", "check that it runs"],
            &["Unavailable", "check that it runs"],
        ),
        (
            504,
            &["504", "check that it runs"],
            &["Unavailable", "check that it runs"],
        ),
        (
            503,
            &["503", "scripted by the test", "check that it runs"],
            &["Unavailable: scripted by the test", "check that it runs"],
        ),
    ];
    for protocol in PROTOCOLS {
        for (code, http, grpc) in table {
            let collector = Collector::start();
            collector.respond_always(Reply::status(*code));
            let config = to(&collector, protocol).flags(FLAGS);
            let pipeline = build(config);
            span(&pipeline, "a span");
            let message = pipeline.shutdown(PATIENCE).first_error.unwrap();
            let words = if protocol == Protocol::Grpc {
                grpc
            } else {
                http
            };
            assert!(
                words.iter().all(|word| message.contains(word)),
                "{protocol} {code}: no {words:?} in {message}"
            );
        }
    }
}

#[test]
fn credentials_in_the_endpoint_are_in_no_message() {
    for server in [Server::Closed, Server::HttpPlain, Server::GrpcPlain] {
        let running = server.start();
        if let Some(collector) = &running.collector {
            collector.respond_always(Reply::status(400));
        }
        let endpoint = format!("http://{}/in?token=hunter2", running.address);
        let config = Config::builder().endpoint(endpoint.parse().unwrap());
        let pipeline = build(config);
        assert!(!format!("{pipeline:?}").contains("hunter2"), "{pipeline:?}");
        span(&pipeline, "a span");
        let report = pipeline.shutdown(PATIENCE);
        assert!(
            !format!("{report:?} {report}").contains("hunter2"),
            "{report:?}"
        );
        let message = report.first_error.unwrap();
        assert!(message.contains("/in/v1/traces?[redacted]: "), "{message}");
    }
}

#[test]
fn unreachable_proxy_is_reported_without_its_password() {
    let config = Config::builder()
        .with_env(|name| (name == "HTTP_PROXY").then(|| "http://user:secret@127.0.0.1:9".into()))
        .timeout(Duration::from_secs(2))
        .endpoint("http://collector.invalid:4318".parse().unwrap());
    let pipeline = build(config);
    span(&pipeline, "a span");
    assert_eq!(pipeline.flush(PATIENCE), Flushed::Failed);
    let error = pipeline.status().first_error.unwrap();
    assert!(
        error.contains("nothing listens at the proxy http://127.0.0.1:9/"),
        "{error}"
    );
    assert!(!error.contains("secret"), "{error}");
}

#[test]
fn ca_certificate_of_a_server_is_distinguished_from_an_untrusted_one() {
    for protocol in PROTOCOLS {
        let collector = Collector::start_tls(Tls::authority());
        let authority = std::fs::read(collector.tls().unwrap().ca_file()).unwrap();
        let config = to(&collector, protocol)
            .timeout(Duration::from_secs(2))
            .certificate(Certificates::from_pem(authority).unwrap());
        let pipeline = build(config);
        span(&pipeline, "a span");
        assert_eq!(pipeline.flush(PATIENCE), Flushed::Failed);
        let error = pipeline.status().first_error.unwrap();
        assert!(error.contains("CA:FALSE"), "{protocol}: {error}");
    }
}
