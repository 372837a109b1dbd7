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

pub(crate) use {mirror_enum, mirror_flags};
