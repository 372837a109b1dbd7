//! TLS for connections to collectors, over HTTP and gRPC: rustls with ring.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
#[cfg(feature = "grpc")]
use tonic::transport::{ClientTlsConfig, Identity};

use crate::config::{ConfigError, Otlp};

pub(super) fn for_http(otlp: &Otlp) -> Result<ClientConfig, ConfigError> {
    // The provider is explicit, so that the process's default and other crates' features do not
    // matter.
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            ConfigError::without_value("OTLP exporter", format!("TLS that works ({error})"))
        })?;
    // Reading the system's authorities is slow, so it is skipped for plain HTTP.
    let roots = if otlp.url.is_secure() {
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
            // The configuration has checked that the certificate and key match.
            let with_identity = builder.with_client_auth_cert(certificate, key);
            with_identity.map_err(|error| {
                let expected = format!("a usable client certificate and key ({error})");
                ConfigError::without_value("OTLP exporter", expected)
            })?
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(feature = "grpc")]
pub(super) fn for_grpc(otlp: &Otlp) -> Result<ClientTlsConfig, ConfigError> {
    let mut config = ClientTlsConfig::new().trust_anchors(roots(otlp)?.roots);
    if let Some((certificate, key)) = &otlp.tls.identity {
        config = config.identity(Identity::from_pem(certificate.pem(), key.pem()));
    }
    Ok(config)
}

/// Returns the trusted authorities: those configured, or else the system's.
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

/// Reports that no authority is trusted, so no connection could succeed.
fn no_authorities(otlp: &Otlp) -> ConfigError {
    let expected = match otlp.tls.authorities {
        Some(_) => "PEM with an authority's certificate",
        None => "a PEM file of authorities, since the endpoint is https:// and the system has none",
    };
    ConfigError::without_value(&otlp.certificate_setting, expected)
}
