//! TLS of the connections to collectors: rustls with ring, over HTTP and gRPC alike.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tonic::transport::{ClientTlsConfig, Identity};

use crate::config::{ConfigError, Otlp};

/// The setting that errors about certificates are about.
const CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";

pub(super) fn for_http(otlp: &Otlp) -> Result<ClientConfig, ConfigError> {
    // The provider is named, so that it matters neither what the process has installed nor what other crates switch on.
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            ConfigError::without_value("OTLP exporter", format!("TLS that works ({error})"))
        })?;
    // Reading the system's authorities takes long enough not to do it for nothing.
    let roots = if otlp.url.starts_with("https://") {
        roots(otlp)?
    } else {
        RootCertStore::empty()
    };
    let builder = builder.with_root_certificates(roots);
    let identity = otlp
        .tls
        .identity
        .as_ref()
        .and_then(|(certificate, key)| Some((certificate.der(), key.der()?)));
    let mut config = match identity {
        Some((certificate, key)) => {
            builder
                .with_client_auth_cert(certificate, key)
                .map_err(|error| {
                    let expected = format!("the key of the client's certificate ({error})");
                    ConfigError::without_value("OTEL_EXPORTER_OTLP_CLIENT_KEY", expected)
                })?
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

pub(super) fn for_grpc(otlp: &Otlp) -> Result<ClientTlsConfig, ConfigError> {
    let mut config = ClientTlsConfig::new().trust_anchors(roots(otlp)?.roots);
    if let Some((certificate, key)) = &otlp.tls.identity {
        config = config.identity(Identity::from_pem(certificate.pem(), key.pem()));
    }
    Ok(config)
}

/// The authorities that are trusted: those that were named, or else the system's.
fn roots(otlp: &Otlp) -> Result<RootCertStore, ConfigError> {
    let authorities = match &otlp.tls.authorities {
        Some(authorities) => authorities.der(),
        None => rustls_native_certs::load_native_certs().certs,
    };
    let mut roots = RootCertStore::empty();
    match roots.add_parsable_certificates(authorities) {
        (0, _) => Err(no_authorities(otlp)),
        _ => Ok(roots),
    }
}

/// Nothing could be trusted, so that no connection would ever succeed.
fn no_authorities(otlp: &Otlp) -> ConfigError {
    match otlp.tls.authorities {
        Some(_) => ConfigError::without_value(CERTIFICATE, "PEM with an authority's certificate"),
        None => ConfigError::without_value(
            CERTIFICATE,
            "a PEM file of authorities, since the endpoint is https:// and the system has none",
        ),
    }
}
