//! Certificates for a collector with TLS. Each test makes new ones.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// A certificate authority, a server certificate for 127.0.0.1 and `localhost`, and a client
/// certificate, as PEM files. The files are removed on drop.
pub struct Tls {
    dir: TempDir,
    authority: Certificate,
    server: Certificate,
    server_key: KeyPair,
    asks_client: bool,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls")
            .field("dir", &self.dir.path())
            .field("asks_client", &self.asks_client)
            .finish_non_exhaustive()
    }
}

impl Tls {
    /// Makes the certificates. Clients need no certificate.
    ///
    /// # Panics
    /// If the files cannot be written.
    #[must_use]
    pub fn new() -> Self {
        Self::make(false, IsCa::NoCa)
    }

    /// Makes the certificates. Clients need a certificate of this authority:
    /// [`Tls::client_cert_file`].
    ///
    /// # Panics
    /// If the files cannot be written.
    #[must_use]
    pub fn mutual() -> Self {
        Self::make(true, IsCa::NoCa)
    }

    /// Makes the certificates. The server's certificate is also one of an authority, like those
    /// that `openssl req -x509` makes. Clients refuse such a certificate.
    ///
    /// # Panics
    /// If the files cannot be written.
    #[must_use]
    pub fn authority() -> Self {
        Self::make(false, IsCa::Ca(BasicConstraints::Unconstrained))
    }

    fn make(asks_client: bool, server_is: IsCa) -> Self {
        let authority_key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = params.self_signed(&authority_key).expect("an authority");
        let issuer = Issuer::from_params(&params, &authority_key);

        let issue = |names: &[&str], purpose, is_ca| {
            let key = KeyPair::generate().expect("a key");
            let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
            let mut params = CertificateParams::new(names).expect("parameters");
            params.extended_key_usages = vec![purpose];
            params.is_ca = is_ca;
            let certificate = params.signed_by(&key, &issuer).expect("a certificate");
            (certificate, key)
        };
        let (server, server_key) = issue(
            &["127.0.0.1", "localhost"],
            ExtendedKeyUsagePurpose::ServerAuth,
            server_is,
        );
        let (client, client_key) = issue(
            &["client.test"],
            ExtendedKeyUsagePurpose::ClientAuth,
            IsCa::NoCa,
        );

        let dir = tempfile::tempdir().expect("a directory for certificates");
        let write = |name: &str, pem: String| {
            std::fs::write(dir.path().join(name), pem).expect("writing a certificate");
        };
        write("ca.pem", authority.pem());
        write("client.pem", client.pem());
        write("client.key", client_key.serialize_pem());
        Self {
            dir,
            authority,
            server,
            server_key,
            asks_client,
        }
    }

    /// Returns the file of the authority's certificate, for `OTEL_EXPORTER_OTLP_CERTIFICATE`.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// Returns the file of the client's certificate, for `OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE`.
    #[must_use]
    pub fn client_cert_file(&self) -> PathBuf {
        self.file("client.pem")
    }

    /// Returns the file of the client's private key, for `OTEL_EXPORTER_OTLP_CLIENT_KEY`.
    #[must_use]
    pub fn client_key_file(&self) -> PathBuf {
        self.file("client.key")
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::join(self.dir.path(), name)
    }

    /// Returns a TLS acceptor that offers `protocols` by ALPN.
    pub(crate) fn acceptor(&self, protocols: &[&str]) -> TlsAcceptor {
        // The provider is passed explicitly, because a test may install another process default, or
        // none.
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("protocol versions of ring");
        let config = if self.asks_client {
            let mut roots = RootCertStore::empty();
            roots
                .add(self.authority.der().clone())
                .expect("the authority as a root");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .expect("a verifier of clients");
            config.with_client_cert_verifier(verifier)
        } else {
            config.with_no_client_auth()
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.server_key.serialize_der()));
        let mut config = config
            .with_single_cert(vec![self.server.der().clone()], key)
            .expect("the server's certificate and its key");
        config.alpn_protocols = protocols
            .iter()
            .map(|protocol| protocol.as_bytes().to_vec())
            .collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

impl Default for Tls {
    fn default() -> Self {
        Self::new()
    }
}
