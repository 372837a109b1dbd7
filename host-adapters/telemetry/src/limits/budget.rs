//! The limit on the data of one call.

/// The amount of data that one call may still pass. Adapters take from it before they copy anything
/// out of a guest.
///
/// The lengths of lists and strings come from the guest, so the host must not allocate that much
/// without a check. An adapter takes a string's bytes or a list's elements from the budget, and
/// copies as many as it is granted. [`Budget::left_out`] counts the items that it leaves out. Pass
/// it to [`crate::Instance::count_dropped`] with [`crate::dropped::Reason::CallBytes`].
///
/// # Examples
///
/// ```
/// use wasmscope_telemetry::limits::{Budget, Grant};
///
/// let mut budget = Budget::new(100);
/// assert_eq!(budget.take(60), Grant::All);
/// assert_eq!(budget.take(60), Grant::Prefix(40));
/// assert_eq!(budget.take(1), Grant::Nothing);
/// assert_eq!(budget.left_out(), 2);
/// ```
#[derive(Debug, Clone)]
pub struct Budget {
    left: usize,
    left_out: u64,
}

/// The part of the requested bytes or elements that may be copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// All of it.
    All,
    /// The first bytes (or elements): at least one, and fewer than requested.
    Prefix(usize),
    /// Nothing.
    Nothing,
}

impl Grant {
    /// Returns the granted part of `len`.
    #[must_use]
    pub const fn of(self, len: usize) -> usize {
        match self {
            Self::All => len,
            Self::Prefix(granted) => granted,
            Self::Nothing => 0,
        }
    }
}

impl Budget {
    /// Makes a budget of `bytes`, usually [`Limits::call_bytes`](crate::Limits::call_bytes).
    #[must_use]
    pub const fn new(bytes: usize) -> Self {
        Self {
            left: bytes,
            left_out: 0,
        }
    }

    /// Takes `len` bytes of a string or byte string, or as many as are left. A string that is cut
    /// or left out counts as one item left out. The caller cuts a string's [`Grant::Prefix`] at a
    /// character boundary.
    pub fn take(&mut self, len: usize) -> Grant {
        if len <= self.left {
            self.left -= len;
            return Grant::All;
        }
        self.left_out = self.left_out.saturating_add(1);
        match std::mem::take(&mut self.left) {
            0 => Grant::Nothing,
            left => Grant::Prefix(left),
        }
    }

    /// Reduces the budget to `left` bytes. Never increases it.
    pub fn lower_to(&mut self, left: usize) {
        self.left = self.left.min(left);
    }

    /// Charges one list element of `element_bytes` bytes, without its heap data. Returns false, and
    /// counts one item left out, if it does not fit.
    pub fn take_element(&mut self, element_bytes: usize) -> bool {
        match self.left.checked_sub(element_bytes.max(1)) {
            Some(left) => {
                self.left = left;
                true
            }
            None => {
                self.left_out = self.left_out.saturating_add(1);
                false
            }
        }
    }

    /// Charges up to `len` list elements of `element_bytes` bytes each, without their heap data.
    /// Counts each element that does not fit as one item left out.
    ///
    /// Reserve memory for the granted length only. Charge an element's own strings and lists when
    /// they are read.
    pub fn take_list(&mut self, len: usize, element_bytes: usize) -> Grant {
        let element_bytes = element_bytes.max(1);
        let granted = len.min(self.left / element_bytes);
        self.left -= granted * element_bytes;
        if granted == len {
            return Grant::All;
        }
        self.left_out = self.left_out.saturating_add((len - granted) as u64);
        match granted {
            0 => Grant::Nothing,
            granted => Grant::Prefix(granted),
        }
    }

    /// Returns how many bytes are left.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.left
    }

    /// Returns how many items were left out or shortened.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lists_claimed_length_never_exceeds_the_budget() {
        let mut budget = Budget::new(100);
        assert_eq!(budget.take_list(usize::MAX, 48), Grant::Prefix(2));
        assert_eq!(budget.left(), 4);
        assert_eq!(budget.left_out(), (usize::MAX - 2) as u64);
        assert_eq!(budget.take_list(usize::MAX, 48), Grant::Nothing);
        assert_eq!(budget.left_out(), u64::MAX);
    }

    #[test]
    fn elements_without_size_are_charged() {
        let mut budget = Budget::new(3);
        assert_eq!(budget.take_list(10, 0), Grant::Prefix(3));
    }

    #[test]
    fn nested_lists_share_the_remaining_budget() {
        let mut budget = Budget::new(100);
        assert_eq!(budget.take_list(3, 20), Grant::All);
        assert_eq!(budget.take(30), Grant::All);
        assert_eq!(budget.take(30), Grant::Prefix(10));
        assert_eq!(budget.take(30), Grant::Nothing);
        assert_eq!(budget.take(0), Grant::All);
        assert_eq!(budget.left_out(), 2);
    }
}
