//! Enumerations of the contract, with their cases declared once.

/// An enumeration of the contract.
pub(crate) trait WitEnum: Sized + 'static {
    /// All cases, in the contract's order.
    const ALL: &'static [Self];
}

/// Declares an enumeration of the contract, with its cases in the contract's order.
macro_rules! wit_enum {
    ($(#[$meta:meta])* $visibility:vis enum $name:ident { $($(#[$case_meta:meta])* $case:ident,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        $visibility enum $name {
            $($(#[$case_meta])* $case,)*
        }

        impl super::variants::WitEnum for $name {
            const ALL: &'static [Self] = &[$(Self::$case),*];
        }
    };
}
pub(crate) use wit_enum;
