//! Growth of memories and tables: the requests and reports of hardened modules.

use crate::abi::CoreVal;
use crate::engine::{CoreStore, Engine, PAGE_BYTES};
use crate::runtime::call::{i32_of, three};
use crate::runtime::store::StoreInner;

/// The most elements of all tables of a store together, with or without a limiter: WebAssembly's
/// JavaScript API allows as many for a single table.
pub const MAX_TABLE_ELEMENTS: u32 = 10_000_000;

/// Limits the growth of the memories and tables of a store, as `wasmtime::ResourceLimiter` does.
pub trait ResourceLimiter {
    /// Returns whether a memory may grow from `current` to `desired` bytes; `maximum` is the limit
    /// of its type. New memories grow from 0. If this returns false, the guest's `memory.grow`
    /// returns -1, and an instantiation fails.
    ///
    /// # Errors
    ///
    /// An error traps the guest.
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> anyhow::Result<bool>;

    /// Reports that the last allowed growth of a memory failed, so that an implementation can
    /// subtract it from its count. Does nothing by default.
    fn memory_grow_failed(&mut self) {}

    /// Returns whether a table may grow from `current` to `desired` elements, as
    /// [`memory_growing`](Self::memory_growing) does for memories.
    ///
    /// # Errors
    ///
    /// An error traps the guest.
    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> anyhow::Result<bool>;
}

impl<T: 'static, E: Engine> StoreInner<T, E> {
    pub(crate) fn memory_growing(
        &mut self,
        params: &[CoreVal],
        results: &mut Vec<CoreVal>,
    ) -> anyhow::Result<()> {
        let [delta, current, maximum] = three(params)?;
        let desired = u64::from(current).saturating_add(delta.into());
        let allowed = desired <= u64::from(maximum) && {
            let bytes = |pages: u64| {
                usize::try_from(pages.saturating_mul(PAGE_BYTES)).unwrap_or(usize::MAX)
            };
            match self.limiter() {
                Some(limiter) => limiter.memory_growing(
                    bytes(current.into()),
                    bytes(desired),
                    Some(bytes(maximum.into())),
                )?,
                None => true,
            }
        };
        self.memory_grows = allowed;
        if allowed {
            self.core.memory_grows();
        }
        results.push(CoreVal::I32(if allowed { delta } else { u32::MAX }));
        Ok(())
    }

    /// Tells the limiter that an allowed growth failed.
    pub(crate) fn memory_grown(
        &mut self,
        params: &[CoreVal],
        results: &mut Vec<CoreVal>,
    ) -> anyhow::Result<()> {
        let result = i32_of(params.first())?;
        let failed = std::mem::take(&mut self.memory_grows) && result == u32::MAX;
        if let Some(limiter) = self.limiter().filter(|_| failed) {
            limiter.memory_grow_failed();
        }
        results.push(CoreVal::I32(result));
        Ok(())
    }

    pub(crate) fn table_growing(
        &mut self,
        params: &[CoreVal],
        results: &mut Vec<CoreVal>,
    ) -> anyhow::Result<()> {
        let [delta, current, maximum] = three(params)?;
        let desired = u64::from(current).saturating_add(delta.into());
        let elements = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let allowed = desired <= u64::from(maximum.min(MAX_TABLE_ELEMENTS))
            && match self.limiter() {
                Some(limiter) => limiter.table_growing(
                    elements(current.into()),
                    elements(desired),
                    Some(elements(maximum.into())),
                )?,
                None => true,
            };
        let allowed = allowed && self.take_table_elements(delta.into());
        results.push(CoreVal::I32(if allowed { delta } else { u32::MAX }));
        Ok(())
    }
}
