//! TLS of requests: rustls with ring.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;

use super::failure::NoConnection;

/// The settings of TLS, which are made when they are first needed: reading the system's
/// authorities is slow.
#[derive(Debug, Default)]
pub(super) struct Tls {
    /// The authorities to trust instead of the system's.
    authorities: Option<RootCertStore>,
    made: OnceCell<Arc<ClientConfig>>,
}

impl Tls {
    pub(super) fn new(authorities: Option<RootCertStore>) -> Self {
        Self {
            authorities,
            made: OnceCell::new(),
        }
    }

    pub(super) async fn config(&self) -> Result<Arc<ClientConfig>, NoConnection> {
        let made = self.made.get_or_try_init(|| async {
            let authorities = match &self.authorities {
                Some(authorities) => authorities.clone(),
                None => tokio::task::spawn_blocking(of_system)
                    .await
                    .map_err(|_stopped| NoConnection::NoAuthorities)?,
            };
            if authorities.is_empty() {
                return Err(NoConnection::NoAuthorities);
            }
            config(authorities).map(Arc::new)
        });
        made.await.cloned()
    }
}

/// Returns the system's authorities, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
fn of_system() -> RootCertStore {
    let mut authorities = RootCertStore::empty();
    authorities.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    authorities
}

fn config(authorities: RootCertStore) -> Result<ClientConfig, NoConnection> {
    // The provider is explicit, so that the process's default and other crates' features do not
    // matter.
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_never_with_ring| NoConnection::NoAuthorities)?
        .with_root_certificates(authorities)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
