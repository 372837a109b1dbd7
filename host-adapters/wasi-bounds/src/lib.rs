//! Limits a guest's use of host resources through WASI 0.2 as implemented by [`wasmtime_wasi`].
//!
//! [`wasmtime_wasi`] lets a guest open files and sockets until the process has no file descriptor
//! left. Then the host cannot connect to its collector, and the guest has hidden its telemetry.
//! [`Bounds`] limits each guest.
//!
//! | limit on each guest | default | error beyond it |
//! |---|---|---|
//! | file descriptors, and streams of bytes and datagrams: [`Bounds::descriptors`] | 512 | `insufficient-memory` of `wasi:filesystem`, `new-socket-limit` of `wasi:sockets` |
//! | listings of directories, which count as descriptors too: [`LISTINGS`] | 64 | `insufficient-memory` |
//! | bytes of a listing's entries in memory: [`LISTING_BYTES`] | 32 KiB | further entries are read on demand |
//! | look-ups of names, which count as descriptors | 512 | `temporary-resolver-failure` |
//! | bytes of a name that is looked up: [`NAME_BYTES`] | 1 KiB | `invalid-argument` |
//!
//! A stream counts because it keeps its file open, and because it may buffer a write of up to 1
//! MiB. The standard streams count too. Rust's standard library has one stream for each file that
//! it reads or writes, so a guest has about half as many files.
//!
//! On Wasmtime, [`add_to_linker_async`] and [`add_to_linker_sync`] replace the functions of WASI
//! that open something, and those of listings. The crate `component-wasi` has the bounds built in.
//!
//! # What is not bounded here
//!
//! - Threads: file operations and name look-ups take threads for blocking tasks of the Tokio
//!   runtime that the guest runs in. Give guests a separate runtime, with
//!   [`max_blocking_threads`](https://docs.rs/tokio/latest/tokio/runtime/struct.Builder.html#method.max_blocking_threads).
//! - The disk, below a directory that the guest may write to, and what the guest writes to its
//!   standard streams.
//! - Handles of other resources, such as pollables: each engine bounds them, to 100,000.

mod linker;
mod listing;

pub use linker::{add_to_linker_async, add_to_linker_sync};
pub use listing::{LISTING_BYTES, Listing};

use std::any::{Any, TypeId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wasmtime::component::ResourceTable;
use wasmtime_wasi::p2::bindings::filesystem::types::{Descriptor, ErrorCode as FileError};
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::ResolveAddressStream;
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode as SocketErrorCode;
use wasmtime_wasi::p2::bindings::sockets::tcp::TcpSocket;
use wasmtime_wasi::p2::bindings::sockets::udp::{
    IncomingDatagramStream, OutgoingDatagramStream, UdpSocket,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, SocketError};
use wasmtime_wasi::runtime::spawn_blocking;

/// The default limit on a guest's file descriptors.
pub const DESCRIPTORS: usize = 512;

/// The maximum for the limit on descriptors: the number of handles that engines allow by default.
pub const MAX_DESCRIPTORS: usize = 100_000;

/// The maximum number of directory listings that a guest may have open.
pub const LISTINGS: usize = 64;

/// The longest name that can be looked up. It is longer than any host name, including Unicode ones.
pub const NAME_BYTES: usize = 1 << 10;

/// Limits for the guests of a linker. They apply to each guest separately. Clones share their
/// state.
#[derive(Debug, Clone)]
pub struct Bounds {
    descriptors: usize,
    refused: Arc<AtomicBool>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self::new(DESCRIPTORS)
    }
}

impl Bounds {
    /// Returns bounds with this limit on descriptors.
    #[must_use]
    pub fn new(descriptors: usize) -> Self {
        Self {
            descriptors,
            refused: Arc::default(),
        }
    }

    /// Returns how many file descriptors and streams a guest may have open.
    #[must_use]
    pub fn descriptors(&self) -> usize {
        self.descriptors
    }

    /// Returns whether a guest was refused a descriptor, a stream or a look-up.
    #[must_use]
    pub fn has_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    /// Checks that the guest may open one more file or directory, or a stream of one.
    ///
    /// # Errors
    ///
    /// Returns `insufficient-memory` if it may not.
    pub fn file(&self, table: &mut ResourceTable) -> Result<(), FsError> {
        if self.allows_one_more(table) {
            Ok(())
        } else {
            Err(FileError::InsufficientMemory.into())
        }
    }

    /// Checks that the guest may open one more directory listing.
    fn listing(&self, table: &mut ResourceTable) -> Result<(), FsError> {
        let listing = TypeId::of::<Listing>();
        if count(table, |entry| entry == listing) >= LISTINGS {
            self.refused.store(true, Ordering::Relaxed);
            return Err(FileError::InsufficientMemory.into());
        }
        self.file(table)
    }

    /// Checks that the guest may open one more socket.
    ///
    /// # Errors
    ///
    /// Returns `new-socket-limit` if it may not.
    pub fn socket(&self, table: &mut ResourceTable) -> Result<(), SocketError> {
        if self.allows_one_more(table) {
            Ok(())
        } else {
            Err(SocketErrorCode::NewSocketLimit.into())
        }
    }

    /// Checks that the guest may look up one more name. Waits until earlier look-ups have got a
    /// thread: look-ups continue after the guest drops them, and would otherwise pile up.
    ///
    /// # Errors
    ///
    /// Returns `temporary-resolver-failure` if it may not, and `invalid-argument` if the name is
    /// longer than [`NAME_BYTES`], because resolvers copy it.
    pub async fn lookup(&self, table: &mut ResourceTable, name: &str) -> Result<(), SocketError> {
        if name.len() > NAME_BYTES {
            return Err(SocketErrorCode::InvalidArgument.into());
        }
        if !self.allows_one_more(table) {
            return Err(SocketErrorCode::TemporaryResolverFailure.into());
        }
        // Blocking tasks start in order.
        spawn_blocking(|| ()).await;
        Ok(())
    }

    fn allows_one_more(&self, table: &mut ResourceTable) -> bool {
        let kinds = kinds();
        let fits = count(table, |entry| kinds.contains(&entry)) < self.descriptors;
        if !fits {
            self.refused.store(true, Ordering::Relaxed);
        }
        fits
    }
}

/// Counts a table's entries by type. Only the table knows of every drop.
fn count(table: &mut ResourceTable, counts: impl Fn(TypeId) -> bool) -> usize {
    let entries = table.iter_mut();
    entries
        .filter(|entry| counts(Any::type_id(&**entry)))
        .count()
}

/// Returns the types of resources that may keep a descriptor open.
fn kinds() -> [TypeId; 9] {
    [
        TypeId::of::<Descriptor>(),
        TypeId::of::<Listing>(),
        TypeId::of::<DynInputStream>(),
        TypeId::of::<DynOutputStream>(),
        TypeId::of::<TcpSocket>(),
        TypeId::of::<UdpSocket>(),
        TypeId::of::<IncomingDatagramStream>(),
        TypeId::of::<OutgoingDatagramStream>(),
        TypeId::of::<ResolveAddressStream>(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::Engine;
    use wasmtime::component::Linker;
    use wasmtime_wasi::p2::pipe::ClosedInputStream;
    use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

    struct State {
        ctx: WasiCtx,
        table: ResourceTable,
    }

    impl WasiView for State {
        fn ctx(&mut self) -> WasiCtxView<'_> {
            WasiCtxView {
                ctx: &mut self.ctx,
                table: &mut self.table,
            }
        }
    }

    #[test]
    fn functions_are_replaced_and_shadowing_is_switched_off_afterwards() {
        type Add = fn(&mut Linker<State>, &Bounds) -> wasmtime::Result<()>;
        for add in [add_to_linker_async as Add, add_to_linker_sync] {
            let mut linker = Linker::new(&Engine::default());
            add(&mut linker, &Bounds::default()).unwrap();
            assert!(add(&mut linker, &Bounds::default()).is_err());
        }
    }

    #[test]
    fn too_long_names_are_not_looked_up() {
        let mut table = ResourceTable::new();
        let bounds = Bounds::default();
        let look_up = |length, table: &mut ResourceTable| {
            let name = "x".repeat(length);
            wasmtime_wasi::runtime::in_tokio(bounds.lookup(table, &name))
        };
        assert!(look_up(NAME_BYTES, &mut table).is_ok());
        let refused = look_up(NAME_BYTES + 1, &mut table).unwrap_err();
        assert_eq!(
            refused.downcast_ref(),
            Some(&SocketErrorCode::InvalidArgument)
        );
        assert!(!bounds.has_refused());
    }

    #[test]
    fn descriptors_count_until_they_are_dropped() {
        let mut table = ResourceTable::new();
        let bounds = Bounds::new(2);
        let stream = || -> DynInputStream { Box::new(ClosedInputStream) };
        for _ in 0..100 {
            table.push("something else").unwrap();
        }
        let first = table.push(stream()).unwrap();
        assert!(bounds.file(&mut table).is_ok());
        assert!(!bounds.has_refused());
        table.push(stream()).unwrap();
        let refused = bounds.file(&mut table).unwrap_err();
        assert_eq!(refused.downcast_ref(), Some(&FileError::InsufficientMemory));
        let refused = bounds.socket(&mut table).unwrap_err();
        assert_eq!(
            refused.downcast_ref(),
            Some(&SocketErrorCode::NewSocketLimit)
        );
        assert!(bounds.has_refused());
        table.delete(first).unwrap();
        assert!(bounds.socket(&mut table).is_ok());
    }
}

/// Compiles the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
