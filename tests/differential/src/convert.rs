//! Converts values to and from each host's types.
//!
//! Handles belong to a store, so they cannot be converted directly. `make` returns the host's
//! handle for a number, and `unmake` returns the number of a handle.

/// Implements the conversions between [`Value`] and a host's type. They are the same for both
/// hosts.
macro_rules! conversions {
    ($($host:ident)::+, $what:literal $(, $other:pat)*) => {
        use anyhow::Result;
        use ::$($host)::+::{ResourceAny, Val};

        use crate::value::Value;

        #[doc = concat!("Makes a value for ", $what, ".")]
        ///
        /// # Errors
        ///
        /// If `make` fails.
        pub fn to_val(
            value: &Value,
            make: &mut dyn FnMut(u32) -> Result<ResourceAny>,
        ) -> Result<Val> {
            let mut boxed = |value: &Option<Box<Value>>| {
                let value = value.as_deref().map(|value| to_val(value, make)).transpose()?;
                anyhow::Ok(value.map(Box::new))
            };
            Ok(match value {
                Value::Bool(value) => Val::Bool(*value),
                Value::S8(value) => Val::S8(*value),
                Value::U8(value) => Val::U8(*value),
                Value::S16(value) => Val::S16(*value),
                Value::U16(value) => Val::U16(*value),
                Value::S32(value) => Val::S32(*value),
                Value::U32(value) => Val::U32(*value),
                Value::S64(value) => Val::S64(*value),
                Value::U64(value) => Val::U64(*value),
                Value::F32(bits) => Val::Float32(f32::from_bits(*bits)),
                Value::F64(bits) => Val::Float64(f64::from_bits(*bits)),
                Value::Char(value) => Val::Char(*value),
                Value::String(value) => Val::String(value.clone()),
                Value::List(values) => {
                    Val::List(values.iter().map(|value| to_val(value, make)).collect::<Result<_>>()?)
                }
                Value::Tuple(values) => {
                    Val::Tuple(values.iter().map(|value| to_val(value, make)).collect::<Result<_>>()?)
                }
                Value::Record(fields) => Val::Record(
                    fields
                        .iter()
                        .map(|(name, value)| anyhow::Ok((name.clone(), to_val(value, make)?)))
                        .collect::<Result<_>>()?,
                ),
                Value::Variant(name, value) => Val::Variant(name.clone(), boxed(value)?),
                Value::Enum(name) => Val::Enum(name.clone()),
                Value::Option(value) => Val::Option(boxed(value)?),
                Value::Result(Ok(value)) => Val::Result(Ok(boxed(value)?)),
                Value::Result(Err(value)) => Val::Result(Err(boxed(value)?)),
                Value::Flags(names) => Val::Flags(names.clone()),
                Value::Resource(rep) => Val::Resource(make(*rep)?),
            })
        }

        #[doc = concat!("Reads a value of ", $what, ".")]
        ///
        /// # Errors
        ///
        /// If `unmake` fails, or if no generated type has such a value.
        pub fn from_val(
            val: &Val,
            unmake: &mut dyn FnMut(ResourceAny) -> Result<u32>,
        ) -> Result<Value> {
            let mut boxed = |val: &Option<Box<Val>>| {
                let val = val.as_deref().map(|val| from_val(val, unmake)).transpose()?;
                anyhow::Ok(val.map(Box::new))
            };
            Ok(match val {
                Val::Bool(value) => Value::Bool(*value),
                Val::S8(value) => Value::S8(*value),
                Val::U8(value) => Value::U8(*value),
                Val::S16(value) => Value::S16(*value),
                Val::U16(value) => Value::U16(*value),
                Val::S32(value) => Value::S32(*value),
                Val::U32(value) => Value::U32(*value),
                Val::S64(value) => Value::S64(*value),
                Val::U64(value) => Value::U64(*value),
                Val::Float32(value) => Value::F32(value.to_bits()),
                Val::Float64(value) => Value::F64(value.to_bits()),
                Val::Char(value) => Value::Char(*value),
                Val::String(value) => Value::String(value.clone()),
                Val::List(vals) => {
                    Value::List(vals.iter().map(|val| from_val(val, unmake)).collect::<Result<_>>()?)
                }
                Val::Tuple(vals) => {
                    Value::Tuple(vals.iter().map(|val| from_val(val, unmake)).collect::<Result<_>>()?)
                }
                Val::Record(fields) => Value::Record(
                    fields
                        .iter()
                        .map(|(name, val)| anyhow::Ok((name.clone(), from_val(val, unmake)?)))
                        .collect::<Result<_>>()?,
                ),
                Val::Variant(name, val) => Value::Variant(name.clone(), boxed(val)?),
                Val::Enum(name) => Value::Enum(name.clone()),
                Val::Option(val) => Value::Option(boxed(val)?),
                Val::Result(Ok(val)) => Value::Result(Ok(boxed(val)?)),
                Val::Result(Err(val)) => Value::Result(Err(boxed(val)?)),
                Val::Flags(names) => Value::Flags(names.clone()),
                Val::Resource(any) => Value::Resource(unmake(*any)?),
                $($other => anyhow::bail!("{val:?} is not a value of a generated type"),)*
            })
        }

        /// Returns the result of a host function with these arguments: the arguments themselves,
        /// except for borrowed handles, which become numbers.
        ///
        /// # Errors
        ///
        /// If `borrowed`, which is called for each borrowed handle, fails.
        pub fn echo(
            arguments: &[Val],
            borrowed: &mut dyn FnMut(ResourceAny) -> Result<()>,
        ) -> Result<Val> {
            match arguments {
                [one] => without_borrows(one, borrowed),
                several => Ok(Val::Tuple(
                    several
                        .iter()
                        .map(|val| without_borrows(val, borrowed))
                        .collect::<Result<_>>()?,
                )),
            }
        }

        fn without_borrows(
            val: &Val,
            borrowed: &mut dyn FnMut(ResourceAny) -> Result<()>,
        ) -> Result<Val> {
                let mut all = |vals: &[Val]| {
                let vals = vals.iter().map(|val| without_borrows(val, borrowed));
                vals.collect::<Result<Vec<_>>>()
            };
            let boxed = |mut vals: Vec<Val>| vals.pop().map(Box::new);
            Ok(match val {
                Val::List(vals) => Val::List(all(vals)?),
                Val::Tuple(vals) => Val::Tuple(all(vals)?),
                Val::Record(fields) => {
                    let (names, vals): (Vec<_>, Vec<_>) = fields.iter().cloned().unzip();
                    Val::Record(names.into_iter().zip(all(&vals)?).collect())
                }
                Val::Variant(name, Some(val)) => {
                    Val::Variant(name.clone(), boxed(all(std::slice::from_ref(val))?))
                }
                Val::Option(Some(val)) => Val::Option(boxed(all(std::slice::from_ref(val))?)),
                Val::Result(Ok(Some(val))) => {
                    Val::Result(Ok(boxed(all(std::slice::from_ref(val))?)))
                }
                Val::Result(Err(Some(val))) => {
                    Val::Result(Err(boxed(all(std::slice::from_ref(val))?)))
                }
                Val::Resource(any) if !any.owned() => {
                    borrowed(*any)?;
                    Val::U32(7)
                }
                other => other.clone(),
            })
        }
    };
}

/// Values of Wasmtime.
pub mod wasmtime {
    conversions!(wasmtime::component, "Wasmtime", _);
}

/// Values of `wasmedge-component`.
pub mod wasmedge {
    conversions!(wasmedge_component, "WasmEdge");
}
