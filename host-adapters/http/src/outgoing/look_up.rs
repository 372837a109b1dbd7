//! Looks names up.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::failure::NoConnection;

/// Resolves names. A look-up cannot be stopped, so one that nothing waits for any more still
/// counts towards the limit.
#[derive(Clone)]
pub(super) struct LookUp {
    function: Function,
    running: Arc<Semaphore>,
    timeout: Duration,
}

type Function = Arc<dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync>;

impl LookUp {
    /// Asks the system.
    pub(super) fn by_system(most: usize, timeout: Duration) -> Self {
        Self::by(most, timeout, |name| {
            let addresses = (name, 0).to_socket_addrs()?;
            Ok(addresses.map(|address| address.ip()).collect())
        })
    }

    /// Asks a function, which may block.
    pub(super) fn by(
        most: usize,
        timeout: Duration,
        function: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            function: Arc::new(function),
            running: Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))),
            timeout,
        }
    }

    /// Returns the addresses of a name, with a port.
    pub(super) async fn resolve(
        &self,
        name: String,
        port: u16,
    ) -> Result<Vec<SocketAddr>, NoConnection> {
        let (function, running) = (Arc::clone(&self.function), Arc::clone(&self.running));
        let found = tokio::time::timeout(self.timeout, async move {
            let permit = running.acquire_owned().await.map_err(io::Error::other)?;
            let look_up = tokio::task::spawn_blocking(move || {
                let _permit = permit;
                function(&name)
            });
            look_up.await.map_err(io::Error::other)?
        });
        let found = found
            .await
            .map_err(|_elapsed| NoConnection::LookUpTimeout)?;
        let found = found.map_err(NoConnection::LookUp)?;
        let addresses = found.into_iter();
        Ok(addresses
            .map(|address| SocketAddr::new(address, port))
            .collect())
    }
}

impl fmt::Debug for LookUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LookUp").finish_non_exhaustive()
    }
}
