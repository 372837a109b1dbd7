//! Declares types for which wasmtime-wasi implements only the traits of Wasmtime's linker.

/// Declares an enum with the cases of an enum of wasmtime-wasi, and with WASI's names for them.
macro_rules! mirror_enum {
    ($(#[$attr:meta])* $name:ident = $host:ty { $($wit:literal => $case:ident),+ $(,)? }) => {
        $(#[$attr])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name {
            $($case),+
        }

        component_model::enumeration! { $name { $($wit => $case),+ } }

        impl From<$host> for $name {
            fn from(value: $host) -> Self {
                match value {
                    $(<$host>::$case => Self::$case,)+
                }
            }
        }

        impl From<$name> for $host {
            fn from(value: $name) -> Self {
                match value {
                    $($name::$case => Self::$case,)+
                }
            }
        }
    };
}

/// Declares flags with the names of a flags type of wasmtime-wasi, and with WASI's names for them.
macro_rules! mirror_flags {
    ($(#[$attr:meta])* $name:ident = $host:ty { $($wit:literal => $flag:ident),+ $(,)? }) => {
        component_model::flags! {
            $(#[$attr])*
            pub(crate) struct $name {
                $(
                    #[doc = $wit]
                    const $flag = $wit;
                )+
            }
        }

        impl From<$host> for $name {
            fn from(value: $host) -> Self {
                Self::default()$(.with(Self::$flag, value.contains(<$host>::$flag)))+
            }
        }

        impl From<$name> for $host {
            fn from(value: $name) -> Self {
                let mut flags = Self::empty();
                $(if value.contains($name::$flag) {
                    flags |= Self::$flag;
                })+
                flags
            }
        }
    };
}

/// Converts a payload of a variant to the type that the other library has for it.
#[cfg(feature = "http")]
pub(crate) trait Mirror<To> {
    fn mirror(self) -> To;
}

#[cfg(feature = "http")]
impl<From, To> Mirror<Option<To>> for Option<From>
where
    From: Mirror<To>,
{
    fn mirror(self) -> Option<To> {
        self.map(Mirror::mirror)
    }
}

/// Implements [`Mirror`] for types that both libraries share.
#[cfg(feature = "http")]
macro_rules! mirrors_itself {
    ($($ty:ty),+) => {$(
        impl Mirror<$ty> for $ty {
            fn mirror(self) -> $ty {
                self
            }
        }
    )+};
}
#[cfg(feature = "http")]
mirrors_itself!(String, u32, u64);

/// Declares a record with the fields of a record of wasmtime-wasi, and with WASI's names for them.
#[cfg(feature = "http")]
macro_rules! mirror_record {
    ($(#[$attr:meta])* $name:ident = $host:ty { $($wit:literal => $field:ident: $ty:ty),+ $(,)? }) => {
        $(#[$attr])*
        #[derive(Debug)]
        pub(crate) struct $name {
            $($field: $ty),+
        }

        component_model::record! { $name { $($wit => $field: $ty),+ } }

        impl Mirror<$name> for $host {
            fn mirror(self) -> $name {
                $name { $($field: self.$field),+ }
            }
        }

        impl Mirror<$host> for $name {
            fn mirror(self) -> $host {
                type Host = $host;
                Host { $($field: self.$field),+ }
            }
        }
    };
}

/// Declares a variant with the cases of a variant of wasmtime-wasi, and with WASI's names for them.
#[cfg(feature = "http")]
macro_rules! mirror_variant {
    ($(#[$attr:meta])* $name:ident = $host:ty {
        $($wit:literal => $case:ident $(($ty:ty))?),+ $(,)?
    }) => {
        $(#[$attr])*
        #[derive(Debug)]
        pub(crate) enum $name {
            $($case $(($ty))?),+
        }

        component_model::variant! { $name { $($wit => $case $(($ty))?),+ } }

        impl From<$host> for $name {
            fn from(value: $host) -> Self {
                type Host = $host;
                mirror_variant!(@match value, Host, Self, $($case $(($ty))?),+)
            }
        }

        impl From<$name> for $host {
            fn from(value: $name) -> Self {
                mirror_variant!(@match value, $name, Self, $($case $(($ty))?),+)
            }
        }
    };
    (@match $value:ident, $from:ident, $to:ident, $($case:ident $(($ty:ty))?),+) => {
        match $value {
            $(mirror_variant!(@from payload, $from, $case $(($ty))?) => {
                mirror_variant!(@to payload, $to, $case $(($ty))?)
            })+
        }
    };
    (@from $payload:ident, $from:ident, $case:ident) => { $from::$case };
    (@from $payload:ident, $from:ident, $case:ident ($ty:ty)) => { $from::$case($payload) };
    (@to $payload:ident, $to:ident, $case:ident) => { $to::$case };
    (@to $payload:ident, $to:ident, $case:ident ($ty:ty)) => { $to::$case(Mirror::mirror($payload)) };
}

pub(crate) use {mirror_enum, mirror_flags};
#[cfg(feature = "http")]
pub(crate) use {mirror_record, mirror_variant};
