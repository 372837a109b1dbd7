//! Macros that implement the component model's types for Rust structs and enums.

/// Makes a struct represent a record. Lists the fields in the record's order, with their names in
/// the record.
///
/// # Examples
///
/// ```
/// struct Datetime {
///     seconds: u64,
///     nanoseconds: u32,
/// }
///
/// component_model::record! {
///     Datetime {
///         "seconds" => seconds: u64,
///         "nanoseconds" => nanoseconds: u32,
///     }
/// }
/// ```
#[macro_export]
macro_rules! record {
    ($name:ident { $($wit:literal => $field:ident: $ty:ty),+ $(,)? }) => {
        impl $crate::ComponentType for $name {
            fn typecheck(
                ty: &$crate::Type,
                types: &$crate::InstanceTypes<'_>,
            ) -> ::std::result::Result<(), $crate::TypeMismatch> {
                let mut fields = $crate::__private::fields(ty)?.iter();
                $(<$ty as $crate::ComponentType>::typecheck(
                    $crate::__private::field(fields.next(), $wit, ty)?,
                    types,
                )?;)+
                $crate::__private::no_more(fields.next(), ty)
            }
        }

        impl $crate::Lift for $name {
            fn lift(
                cx: &mut $crate::LiftContext<'_>,
                ty: &$crate::Type,
                source: &mut $crate::Source<'_>,
            ) -> ::std::result::Result<Self, $crate::Trap> {
                let mut fields = $crate::__private::checked_fields(ty).iter();
                ::std::result::Result::Ok(Self {
                    $($field: {
                        let field = $crate::__private::checked_field(fields.next(), ty)?;
                        <$ty as $crate::Lift>::lift(cx, &field.ty, source)?
                    },)+
                })
            }

            fn load(
                cx: &mut $crate::LiftContext<'_>,
                ty: &$crate::Type,
                bytes: &[u8],
            ) -> ::std::result::Result<Self, $crate::Trap> {
                let mut fields = $crate::__private::checked_fields(ty).iter();
                ::std::result::Result::Ok(Self {
                    $($field: {
                        let field = $crate::__private::checked_field(fields.next(), ty)?;
                        let bytes = $crate::__private::field_bytes(field, bytes)?;
                        <$ty as $crate::Lift>::load(cx, &field.ty, bytes)?
                    },)+
                })
            }
        }

        impl $crate::Lower for $name {
            fn lower(
                &self,
                cx: &mut $crate::LowerContext<'_>,
                ty: &$crate::Type,
                out: &mut ::std::vec::Vec<$crate::CoreVal>,
            ) -> ::std::result::Result<(), $crate::CallError> {
                let mut fields = $crate::__private::checked_fields(ty).iter();
                $({
                    let field = $crate::__private::checked_field(fields.next(), ty)?;
                    <$ty as $crate::Lower>::lower(&self.$field, cx, &field.ty, out)?;
                })+
                ::std::result::Result::Ok(())
            }

            fn store(
                &self,
                cx: &mut $crate::LowerContext<'_>,
                ty: &$crate::Type,
                bytes: &mut [u8],
            ) -> ::std::result::Result<(), $crate::CallError> {
                let mut fields = $crate::__private::checked_fields(ty).iter();
                $({
                    let field = $crate::__private::checked_field(fields.next(), ty)?;
                    let bytes = $crate::__private::field_bytes_mut(field, bytes)?;
                    <$ty as $crate::Lower>::store(&self.$field, cx, &field.ty, bytes)?;
                })+
                ::std::result::Result::Ok(())
            }
        }
    };
}

/// Makes an enum represent a variant. Lists the cases in the variant's order, each with at most one
/// payload.
///
/// # Examples
///
/// ```
/// enum NewTimestamp {
///     NoChange,
///     Timestamp(u64),
/// }
///
/// component_model::variant! {
///     NewTimestamp {
///         "no-change" => NoChange,
///         "timestamp" => Timestamp(u64),
///     }
/// }
/// ```
#[macro_export]
macro_rules! variant {
    ($name:ident { $($wit:literal => $case:ident $(($ty:ty))?),+ $(,)? }) => {
        impl $crate::ComponentType for $name {
            fn typecheck(
                ty: &$crate::Type,
                types: &$crate::InstanceTypes<'_>,
            ) -> ::std::result::Result<(), $crate::TypeMismatch> {
                let mut cases = $crate::__private::cases(ty)?.iter();
                $($crate::__private::payload::<$crate::__payload!($($ty)?)>(cases.next(), $wit, ty, types)?;)+
                $crate::__private::no_more(cases.next(), ty)
            }
        }

        impl $crate::Lift for $name {
            fn lift(
                cx: &mut $crate::LiftContext<'_>,
                ty: &$crate::Type,
                source: &mut $crate::Source<'_>,
            ) -> ::std::result::Result<Self, $crate::Trap> {
                $crate::__private::lift_variant(cx, ty, source, |cx, discriminant, source| {
                    let _ = (&cx, &source);
                    let mut case = 0u32;
                    $(
                        if discriminant == case {
                            let payload = $crate::__private::payload_type(ty, discriminant);
                            let _ = payload;
                            return ::std::result::Result::Ok(Self::$case$((
                                <$ty as $crate::__private::LiftPayload>::lift(cx, payload, source)?
                            ))?);
                        }
                        case = case.wrapping_add(1);
                    )+
                    ::std::result::Result::Err($crate::__private::invalid_discriminant(
                        discriminant,
                        usize::try_from(case).unwrap_or(usize::MAX),
                    ))
                })
            }

            fn load(
                cx: &mut $crate::LiftContext<'_>,
                ty: &$crate::Type,
                bytes: &[u8],
            ) -> ::std::result::Result<Self, $crate::Trap> {
                $crate::__private::load_variant(cx, ty, bytes, |cx, discriminant, bytes| {
                    let _ = (&cx, bytes);
                    let mut case = 0u32;
                    $(
                        if discriminant == case {
                            let payload = $crate::__private::payload_type(ty, discriminant);
                            let _ = payload;
                            return ::std::result::Result::Ok(Self::$case$((
                                <$ty as $crate::__private::LiftPayload>::load(cx, payload, bytes)?
                            ))?);
                        }
                        case = case.wrapping_add(1);
                    )+
                    ::std::result::Result::Err($crate::__private::invalid_discriminant(
                        discriminant,
                        usize::try_from(case).unwrap_or(usize::MAX),
                    ))
                })
            }
        }

        impl $crate::Lower for $name {
            fn lower(
                &self,
                cx: &mut $crate::LowerContext<'_>,
                ty: &$crate::Type,
                out: &mut ::std::vec::Vec<$crate::CoreVal>,
            ) -> ::std::result::Result<(), $crate::CallError> {
                let mut case = 0u32;
                $(
                    if let Self::$case$(($crate::__payload!(@bind value $ty)))? = self {
                        return $crate::__private::lower_variant(cx, ty, case, out, |cx, out| {
                            let _ = (&cx, &out);
                            $(
                                let payload = $crate::__private::payload_type(ty, case);
                                <$ty as $crate::__private::LowerPayload>::lower(value, cx, payload, out)?;
                            )?
                            ::std::result::Result::Ok(())
                        });
                    }
                    case = case.wrapping_add(1);
                )+
                let _ = case;
                ::std::result::Result::Ok(())
            }

            fn store(
                &self,
                cx: &mut $crate::LowerContext<'_>,
                ty: &$crate::Type,
                bytes: &mut [u8],
            ) -> ::std::result::Result<(), $crate::CallError> {
                let mut case = 0u32;
                $(
                    if let Self::$case$(($crate::__payload!(@bind value $ty)))? = self {
                        return $crate::__private::store_variant(cx, ty, case, bytes, |cx, bytes| {
                            let _ = (&cx, &bytes);
                            $(
                                let payload = $crate::__private::payload_type(ty, case);
                                <$ty as $crate::__private::LowerPayload>::store(value, cx, payload, bytes)?;
                            )?
                            ::std::result::Result::Ok(())
                        });
                    }
                    case = case.wrapping_add(1);
                )+
                let _ = case;
                ::std::result::Result::Ok(())
            }
        }
    };
}

/// Expands to the type of a payload, `()` for none, or to a binding for it.
#[doc(hidden)]
#[macro_export]
macro_rules! __payload {
    () => {
        ()
    };
    (@bind $value:ident $ty:ty) => {
        $value
    };
    ($ty:ty) => {
        $ty
    };
}

/// Makes an enum without payloads represent an enum. Lists the cases in order.
///
/// The enum must be `Copy`.
///
/// # Examples
///
/// ```
/// #[derive(Clone, Copy, PartialEq)]
/// enum Advice {
///     Normal,
///     Sequential,
/// }
///
/// component_model::enumeration! {
///     Advice {
///         "normal" => Normal,
///         "sequential" => Sequential,
///     }
/// }
/// ```
#[macro_export]
macro_rules! enumeration {
    ($name:ident { $($wit:literal => $case:ident),+ $(,)? }) => {
        const _: () = {
            const CASES: &[$name] = &[$($name::$case),+];

            fn case(discriminant: u32) -> ::std::result::Result<$name, $crate::Trap> {
                let found = usize::try_from(discriminant).ok().and_then(|index| CASES.get(index));
                found.copied().ok_or_else(|| {
                    $crate::__private::invalid_discriminant(discriminant, CASES.len())
                })
            }

            fn discriminant(value: $name) -> u32 {
                let mut found = 0u32;
                $(
                    if let $name::$case = value {
                        return found;
                    }
                    found = found.wrapping_add(1);
                )+
                found
            }

            impl $crate::ComponentType for $name {
                fn typecheck(
                    ty: &$crate::Type,
                    _: &$crate::InstanceTypes<'_>,
                ) -> ::std::result::Result<(), $crate::TypeMismatch> {
                    $crate::__private::names(ty, "enum", &[$($wit),+])
                }
            }

            impl $crate::Lift for $name {
                fn lift(
                    cx: &mut $crate::LiftContext<'_>,
                    ty: &$crate::Type,
                    source: &mut $crate::Source<'_>,
                ) -> ::std::result::Result<Self, $crate::Trap> {
                    $crate::__private::lift_variant(cx, ty, source, |_, discriminant, _| {
                        case(discriminant)
                    })
                }

                fn load(
                    cx: &mut $crate::LiftContext<'_>,
                    ty: &$crate::Type,
                    bytes: &[u8],
                ) -> ::std::result::Result<Self, $crate::Trap> {
                    $crate::__private::load_variant(cx, ty, bytes, |_, discriminant, _| {
                        case(discriminant)
                    })
                }
            }

            impl $crate::Lower for $name {
                fn lower(
                    &self,
                    cx: &mut $crate::LowerContext<'_>,
                    ty: &$crate::Type,
                    out: &mut ::std::vec::Vec<$crate::CoreVal>,
                ) -> ::std::result::Result<(), $crate::CallError> {
                    $crate::__private::lower_variant(cx, ty, discriminant(*self), out, |_, _| {
                        ::std::result::Result::Ok(())
                    })
                }

                fn store(
                    &self,
                    cx: &mut $crate::LowerContext<'_>,
                    ty: &$crate::Type,
                    bytes: &mut [u8],
                ) -> ::std::result::Result<(), $crate::CallError> {
                    $crate::__private::store_variant(cx, ty, discriminant(*self), bytes, |_, _| {
                        ::std::result::Result::Ok(())
                    })
                }
            }
        };
    };
}

/// Declares a struct that represents flags: a set of bits. The first flag is the lowest bit.
///
/// # Examples
///
/// ```
/// component_model::flags! {
///     /// How a path is looked up.
///     pub struct PathFlags {
///         /// Follows a symbolic link at its end.
///         const SYMLINK_FOLLOW = "symlink-follow";
///     }
/// }
/// assert!(PathFlags::SYMLINK_FOLLOW.contains(PathFlags::SYMLINK_FOLLOW));
/// assert_eq!(PathFlags::default().bits(), 0);
/// ```
#[macro_export]
macro_rules! flags {
    ($(#[$attr:meta])* $vis:vis struct $name:ident { $($(#[$flag_attr:meta])* const $flag:ident = $wit:literal;)+ }) => {
        $(#[$attr])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        $vis struct $name(u32);

        impl $name {
            $crate::__flags!(1u32; $($(#[$flag_attr])* $flag,)+);

            /// Returns the set as bits. The first flag is the lowest bit.
            #[allow(dead_code, clippy::allow_attributes, reason = "not every type uses it")]
            $vis fn bits(self) -> u32 {
                self.0
            }

            /// Returns whether this set contains all flags of another.
            #[allow(dead_code, clippy::allow_attributes, reason = "not every type uses it")]
            $vis fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Returns this set, with the flags of another one added if `condition` holds.
            #[allow(dead_code, clippy::allow_attributes, reason = "not every type uses it")]
            #[must_use]
            $vis fn with(self, other: Self, condition: bool) -> Self {
                if condition { Self(self.0 | other.0) } else { self }
            }
        }

        impl $crate::ComponentType for $name {
            fn typecheck(
                ty: &$crate::Type,
                _: &$crate::InstanceTypes<'_>,
            ) -> ::std::result::Result<(), $crate::TypeMismatch> {
                $crate::__private::names(ty, "flags", &[$($wit),+])
            }
        }

        impl $crate::Lift for $name {
            fn lift(
                _: &mut $crate::LiftContext<'_>,
                ty: &$crate::Type,
                source: &mut $crate::Source<'_>,
            ) -> ::std::result::Result<Self, $crate::Trap> {
                $crate::__private::lift_flags(ty, source).map(Self)
            }

            fn load(
                _: &mut $crate::LiftContext<'_>,
                ty: &$crate::Type,
                bytes: &[u8],
            ) -> ::std::result::Result<Self, $crate::Trap> {
                $crate::__private::load_flags(ty, bytes).map(Self)
            }
        }

        impl $crate::Lower for $name {
            fn lower(
                &self,
                _: &mut $crate::LowerContext<'_>,
                _: &$crate::Type,
                out: &mut ::std::vec::Vec<$crate::CoreVal>,
            ) -> ::std::result::Result<(), $crate::CallError> {
                out.push($crate::CoreVal::I32(self.0));
                ::std::result::Result::Ok(())
            }

            fn store(
                &self,
                _: &mut $crate::LowerContext<'_>,
                ty: &$crate::Type,
                bytes: &mut [u8],
            ) -> ::std::result::Result<(), $crate::CallError> {
                $crate::__private::store_flags(ty, self.0, bytes)
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __flags {
    ($bit:expr;) => {};
    ($bit:expr; $(#[$attr:meta])* $flag:ident, $($rest:tt)*) => {
        $(#[$attr])*
        pub const $flag: Self = Self($bit);
        $crate::__flags!($bit.wrapping_shl(1); $($rest)*);
    };
}
