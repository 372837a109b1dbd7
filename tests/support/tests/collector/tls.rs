//! The collector under TLS.

use std::sync::Arc;

use crate::common::{SOON, span, traces};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use prost::Message as _;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};
use wasmscope_test_support::{Collector, Tls};

fn config(tls: &Tls, with_certificate: bool) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(tls.ca_file()).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    if with_certificate {
        let certificate = CertificateDer::from_pem_file(tls.client_cert_file()).unwrap();
        let key = PrivateKeyDer::from_pem_file(tls.client_key_file()).unwrap();
        config
            .with_client_auth_cert(vec![certificate], key)
            .unwrap()
    } else {
        config.with_no_client_auth()
    }
}

fn post(collector: &Collector, config: ClientConfig) -> reqwest::Result<u16> {
    let client = reqwest::blocking::Client::builder()
        .no_proxy()
        .timeout(SOON)
        .tls_backend_preconfigured(config)
        .build()?;
    let request = client
        .post(collector.endpoint_http() + "/v1/traces")
        .header("content-type", "application/x-protobuf")
        .body(traces(vec![span("a", 1, 0, 1, 2)]).encode_to_vec());
    request.send().map(|response| response.status().as_u16())
}

#[test]
fn a_client_that_trusts_the_authority_is_served_over_https() {
    let collector = Collector::start_tls(Tls::new());
    assert!(collector.endpoint_http().starts_with("https://127.0.0.1:"));
    let config = config(collector.tls().unwrap(), false);
    assert_eq!(post(&collector, config).unwrap(), 200);
    assert_eq!(collector.spans().len(), 1);
}

#[test]
fn a_client_that_trusts_another_authority_disconnects() {
    let collector = Collector::start_tls(Tls::new());
    let error = post(&collector, config(&Tls::new(), false)).unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    collector.wait_for(|c| c.violations().len() == 1, SOON);
    assert!(
        collector.violations()[0]
            .problem
            .contains("TLS handshake failed")
    );
    assert_eq!(collector.attempts(), 0);
}

#[test]
fn a_client_without_a_required_certificate_is_refused() {
    let collector = Collector::start_tls(Tls::mutual());
    let tls = collector.tls().unwrap();
    assert!(post(&collector, config(tls, false)).is_err());
    assert_eq!(collector.attempts(), 0);
    assert_eq!(post(&collector, config(tls, true)).unwrap(), 200);
    assert_eq!(collector.spans().len(), 1);
}

#[tokio::test]
async fn grpc_is_served_under_tls_with_client_certificates() {
    let collector = Collector::start_tls(Tls::mutual());
    let tls = collector.tls().unwrap();
    let read = |file| std::fs::read_to_string(file).unwrap();
    let trusting =
        ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(tls.ca_file())));
    let identity = Identity::from_pem(read(tls.client_cert_file()), read(tls.client_key_file()));
    for (config, served) in [
        (trusting.clone().identity(identity), true),
        (trusting, false),
    ] {
        let endpoint = Endpoint::new(collector.endpoint_grpc())
            .unwrap()
            .timeout(SOON);
        let channel = endpoint.tls_config(config).unwrap().connect_lazy();
        let request = traces(vec![span("a", 1, 0, 1, 2)]);
        let answer = TraceServiceClient::new(channel).export(request).await;
        assert_eq!(answer.is_ok(), served, "{answer:?}");
    }
    assert_eq!(collector.spans().len(), 1);
}
