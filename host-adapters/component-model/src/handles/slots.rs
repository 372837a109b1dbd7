//! A handle table: a slab whose free entries are linked.

use crate::ids::{Rep, ResourceTableId};

/// Handles stay below this, so that their upper bits are free, as the specification requires.
const MAX_HANDLE: u32 = 1 << 28;

/// A resource in a table, with its ownership.
#[derive(Debug)]
pub(super) struct Held {
    table: ResourceTableId,
    rep: Rep,
    serial: u64,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Own { lends: u32 },
    Borrow { scope: usize },
}

/// The effect of removing an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removed {
    /// An owned resource, which is not lent.
    Own(Rep),
    /// A borrowed resource, which belongs to the call with this index.
    Borrow { scope: usize },
    /// An owned resource that is lent: it must not be removed.
    Lent,
}

impl Held {
    pub(super) fn own(table: ResourceTableId, rep: Rep) -> Self {
        Self {
            table,
            rep,
            serial: 0,
            kind: Kind::Own { lends: 0 },
        }
    }

    pub(super) fn borrow(table: ResourceTableId, rep: Rep, scope: usize) -> Self {
        Self {
            table,
            rep,
            serial: 0,
            kind: Kind::Borrow { scope },
        }
    }

    pub(super) fn with_serial(self, serial: u64) -> Self {
        Self { serial, ..self }
    }

    pub(super) fn table(&self) -> ResourceTableId {
        self.table
    }

    pub(super) fn rep(&self) -> Rep {
        self.rep
    }

    pub(super) fn serial(&self) -> u64 {
        self.serial
    }

    pub(super) fn removal(&self) -> Removed {
        match self.kind {
            Kind::Own { lends: 0 } => Removed::Own(self.rep),
            Kind::Own { .. } => Removed::Lent,
            Kind::Borrow { scope } => Removed::Borrow { scope },
        }
    }

    /// Counts a loan. Returns whether it must be given back, or `None` if there are too many.
    pub(super) fn lend(&mut self) -> Option<bool> {
        match &mut self.kind {
            Kind::Own { lends } => {
                *lends = lends.checked_add(1)?;
                Some(true)
            }
            Kind::Borrow { .. } => Some(false),
        }
    }

    pub(super) fn give_back(&mut self) {
        if let Kind::Own { lends } = &mut self.kind {
            *lends = lends.saturating_sub(1);
        }
    }
}

#[derive(Debug)]
enum Slot {
    Free { next: u32 },
    Used(Held),
}

/// Entries by index. Index 0 is never used: the first entry has index 1.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    /// The index that precedes the next free entry's, counted from 0.
    free: u32,
}

impl Slots {
    /// Inserts an entry and returns its index, or `None` if there are too many.
    pub(super) fn insert(&mut self, held: Held) -> Option<u32> {
        let previous = self.free;
        let index = previous
            .checked_add(1)
            .filter(|index| *index < MAX_HANDLE)?;
        let position = usize::try_from(previous).ok()?;
        match self.slots.get_mut(position) {
            Some(slot) => {
                let Slot::Free { next } = *slot else {
                    return None;
                };
                self.free = next;
                *slot = Slot::Used(held);
            }
            None => {
                self.slots.push(Slot::Used(held));
                self.free = index;
            }
        }
        Some(index)
    }

    pub(super) fn find_mut(&mut self, index: u32) -> Option<&mut Held> {
        match self.slots.get_mut(position(index)?)? {
            Slot::Used(held) => Some(held),
            Slot::Free { .. } => None,
        }
    }

    pub(super) fn remove(&mut self, index: u32) -> Option<Held> {
        let next = self.free;
        let slot = self.slots.get_mut(position(index)?)?;
        if matches!(slot, Slot::Free { .. }) {
            return None;
        }
        self.free = index.checked_sub(1)?;
        match std::mem::replace(slot, Slot::Free { next }) {
            Slot::Used(held) => Some(held),
            Slot::Free { .. } => None,
        }
    }
}

fn position(index: u32) -> Option<usize> {
    usize::try_from(index.checked_sub(1)?).ok()
}
