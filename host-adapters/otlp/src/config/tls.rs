//! Certificates, keys and proxies for connections to collectors.

use std::fmt;
use std::path::Path;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use wasmscope_telemetry::printable::redacted_url;

use super::values::Expected;

/// The largest PEM file that is read. A larger file is certainly not a list of certificates.
const MAX_PEM_BYTES: u64 = 4 << 20;

/// Parsed certificates in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificates(Vec<u8>);

/// A parsed private key in PEM. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey(Vec<u8>);

impl Certificates {
    /// Parses PEM text with at least one certificate.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no certificate, or an invalid one.
    pub fn from_pem(pem: impl Into<Vec<u8>>) -> Result<Self, Expected> {
        let pem = pem.into();
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        match certificates {
            Ok(certificates) if !certificates.is_empty() => Ok(Self(pem)),
            Ok(_) => Err(Expected::new("PEM with a certificate in it")),
            Err(error) => Err(Expected(format!("PEM with valid certificates ({error})"))),
        }
    }

    /// Reads a PEM file.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read, is larger than 4 MiB, or holds no valid
    /// certificate.
    pub fn read(path: &Path) -> Result<Self, Expected> {
        Self::from_pem(read(path)?)
    }

    #[cfg(feature = "grpc")]
    pub(crate) fn pem(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn der(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(&self.0)
            .filter_map(Result::ok)
            .collect()
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificates")
            .field(&self.der().len())
            .finish()
    }
}

impl PrivateKey {
    /// Parses PEM text with a private key.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no private key.
    pub fn from_pem(pem: impl Into<Vec<u8>>) -> Result<Self, Expected> {
        let pem = pem.into();
        match PrivateKeyDer::from_pem_slice(&pem) {
            Ok(_) => Ok(Self(pem)),
            Err(error) => Err(Expected(format!("PEM with a private key ({error})"))),
        }
    }

    /// Reads a PEM file.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read, is larger than 4 MiB, or holds no private key.
    pub fn read(path: &Path) -> Result<Self, Expected> {
        Self::from_pem(read(path)?)
    }

    #[cfg(feature = "grpc")]
    pub(crate) fn pem(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn der(&self) -> Option<PrivateKeyDer<'static>> {
        PrivateKeyDer::from_pem_slice(&self.0).ok()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Expected> {
    let unreadable =
        |error: std::io::Error| Expected(format!("a PEM file that can be read ({error})"));
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    // Reading a pipe or device might never end.
    if !metadata.is_file() || metadata.len() > MAX_PEM_BYTES {
        return Err(Expected::new("a PEM file of 4 MiB at most"));
    }
    std::fs::read(path).map_err(unreadable)
}

/// Checks that `key` belongs to `certificate`.
pub(super) fn check_identity(certificate: &Certificates, key: &PrivateKey) -> Result<(), Expected> {
    let Some(der) = key.der() else {
        return Err(Expected::new("PEM with a private key"));
    };
    match CertifiedKey::from_der(certificate.der(), der, &ring::default_provider()) {
        Ok(_) => Ok(()),
        Err(error) => Err(Expected(format!(
            "the private key of the client certificate ({error})"
        ))),
    }
}

/// How servers are authenticated over `https://`, and how the client authenticates itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tls {
    /// The trusted authorities, instead of the system's.
    pub(crate) authorities: Option<Certificates>,
    /// The client certificate and key.
    pub(crate) identity: Option<(Certificates, PrivateKey)>,
}

/// The HTTP proxies, as set by `HTTP_PROXY` and related variables.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Proxies {
    pub(crate) http: Option<String>,
    pub(crate) https: Option<String>,
    /// Hosts that are reached directly, in the format of `NO_PROXY`.
    pub(crate) except: Option<String>,
}

impl Proxies {
    /// Returns the proxy for a URL, without its password.
    pub(crate) fn of(&self, url: &http::Uri) -> Option<String> {
        let text = |url: &Option<String>| url.clone().unwrap_or_default();
        let matcher = hyper_util::client::proxy::matcher::Matcher::builder()
            .http(text(&self.http))
            .https(text(&self.https))
            .no(text(&self.except))
            .build();
        let proxy = matcher.intercept(url)?;
        Some(redacted_url(&proxy.uri().to_string()))
    }
}

impl fmt::Debug for Proxies {
    /// Hides the URLs, which may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxies")
            .field("http", &self.http.is_some())
            .field("https", &self.https.is_some())
            .field("except", &self.except)
            .finish()
    }
}
