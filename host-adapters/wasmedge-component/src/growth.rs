//! Memories and tables that grow: what hardened modules ask and tell the host.

use crate::abi::CoreVal;
use crate::ffi;
use crate::host::{i32_of, three};
use crate::store::StoreInner;

/// The most elements that the tables of a store have together, limiter or not: as many as WebAssembly's JavaScript API allows for one.
pub const MAX_TABLE_ELEMENTS: u32 = 10_000_000;

impl<T: 'static> StoreInner<T> {
    pub(crate) fn memory_growing(
        &mut self,
        params: &[CoreVal],
        results: &mut Vec<CoreVal>,
    ) -> anyhow::Result<()> {
        let [delta, current, maximum] = three(params)?;
        let desired = u64::from(current).saturating_add(delta.into());
        let allowed = desired <= u64::from(maximum) && {
            let bytes =
                |pages: u64| usize::try_from(pages.saturating_mul(ffi::PAGE)).unwrap_or(usize::MAX);
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

    /// Tells the limiter of a growth that failed although it was allowed.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Engine, ResourceLimiter, Store};

    /// Allows growth up to two pages, and counts what failed all the same.
    #[derive(Default)]
    struct Failures(u32);

    impl ResourceLimiter for Failures {
        fn memory_growing(
            &mut self,
            _: usize,
            desired: usize,
            _: Option<usize>,
        ) -> anyhow::Result<bool> {
            Ok(desired <= 2 * 65_536)
        }

        fn memory_grow_failed(&mut self) {
            self.0 += 1;
        }

        fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> anyhow::Result<bool> {
            Ok(true)
        }
    }

    #[test]
    fn the_limiter_is_told_of_a_growth_that_failed_although_it_was_allowed() {
        let mut store = Store::new(&Engine::default(), Failures::default()).unwrap();
        store.limiter(|failures| failures);
        for (delta, result, failures) in [
            (1, 1, 0),
            (1, u32::MAX, 1),
            (9, u32::MAX, 1),
            (0, 1, 1),
            (1, u32::MAX, 2),
        ] {
            let inner = crate::AsContextMut::as_context_mut(&mut store).0;
            let mut results = Vec::new();
            let asked = [delta, 1, 65_536].map(CoreVal::I32);
            inner.memory_growing(&asked, &mut results).unwrap();
            let told = [CoreVal::I32(result)];
            inner.memory_grown(&told, &mut results).unwrap();
            assert_eq!(results.last(), Some(&told[0]), "it is passed through");
            assert_eq!(store.data().0, failures);
        }
    }
}
