//! Whole calls: passes parameters and results in core values if they fit, and in memory otherwise.

use super::checked_slice;
use super::flat::{CoreVal, Source};
use super::layout::{self, FlatType, MAX_FLAT_PARAMS, MAX_FLAT_RESULTS};
use super::lift::{LiftContext, decode, lift, read_area};
use super::lower::{LowerContext, encode, lower, tail, zeros};
use crate::error::{CallError, HostError, Trap, TrapCode};
use crate::typed::{LiftList, LowerList, TypeList};
use crate::types::{FuncType, Type, TypeError};
use crate::val::Val;

/// A core function's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreSignature {
    /// The parameters' types.
    pub params: Vec<FlatType>,
    /// The results' types.
    pub results: Vec<FlatType>,
}

/// The direction of a call through the core function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The host calls a core function of the guest: `canon lift`.
    Lift,
    /// The guest calls a core function that represents a host function: `canon lower`.
    Lower,
}

/// The layout of a function's parameters and result, computed once for each function.
#[derive(Debug, Clone)]
pub struct FuncAbi {
    ty: FuncType,
    params: ValuesLayout,
    result: ValuesLayout,
}

/// The arguments of a guest's call, before they are lifted.
#[derive(Debug, Clone, Copy)]
pub enum RawArgs<'a> {
    /// The core values to which the function's parameters flatten.
    Flat(&'a [CoreVal]),
    /// The bytes of arguments spilled to the guest's memory, laid out as a tuple of the function's
    /// parameters.
    Spilled(&'a [u8]),
}

/// The layout of several values that are passed together.
#[derive(Debug, Clone)]
struct ValuesLayout {
    /// The core types, or `None` if there are too many and the values are spilled.
    flat: Option<Vec<FlatType>>,
    size: u32,
    align: u32,
    offsets: Box<[u32]>,
}

impl ValuesLayout {
    /// Lifts values into Rust types.
    fn lift_as<L: LiftList>(
        &self,
        cx: &mut LiftContext<'_>,
        types: TypeList<'_>,
        values: &[CoreVal],
    ) -> Result<L, Trap> {
        let mut source = Source::new(values);
        let lifted = if self.flat.is_some() {
            L::lift(cx, types, &mut source)?
        } else {
            let pointer = source.i32()?;
            let bytes = read_area(cx, pointer, self.align, self.size)?;
            L::load(cx, types, bytes, &self.offsets)?
        };
        source.finish()?;
        Ok(lifted)
    }

    /// Lowers values of Rust types, as [`lower`](Self::lower) does.
    fn lower_as<L: LowerList>(
        &self,
        cx: &mut LowerContext<'_>,
        types: TypeList<'_>,
        list: &L,
        pointer: Option<u32>,
        out: &mut Vec<CoreVal>,
    ) -> Result<(), CallError> {
        if self.flat.is_some() {
            return list.lower(cx, types, out);
        }
        let target = match pointer {
            Some(pointer) => {
                cx.check_target(pointer, self.align, self.size)?;
                pointer
            }
            None => cx.allocate(self.align, self.size)?,
        };
        let mut bytes = zeros(self.size);
        list.store(cx, types, &mut bytes, &self.offsets)?;
        cx.write(target, &bytes)?;
        if pointer.is_none() {
            out.push(CoreVal::I32(target));
        }
        Ok(())
    }

    fn new<'a>(
        types: impl Iterator<Item = &'a Type> + Clone,
        max: usize,
    ) -> Result<Self, TypeError> {
        let (layout, offsets) = layout::sequence(types.clone()).ok_or(TypeError::TooLarge)?;
        let flat = layout::flatten(types).filter(|flat| flat.len() <= max);
        Ok(Self {
            flat,
            size: layout.size(),
            align: layout.align(),
            offsets,
        })
    }

    fn lift<'a>(
        &self,
        cx: &mut LiftContext<'_>,
        types: impl Iterator<Item = &'a Type>,
        values: &[CoreVal],
    ) -> Result<Vec<Val>, Trap> {
        let mut source = Source::new(values);
        let mut vals = Vec::new();
        if self.flat.is_some() {
            for ty in types {
                vals.push(lift(cx, ty, &mut source)?);
            }
        } else {
            let pointer = source.i32()?;
            let bytes = read_area(cx, pointer, self.align, self.size)?;
            for (ty, offset) in types.zip(&self.offsets) {
                let start = usize::try_from(*offset).unwrap_or(usize::MAX);
                vals.push(decode(cx, ty, bytes.get(start..).unwrap_or_default())?);
            }
        }
        source.finish()?;
        Ok(vals)
    }

    /// Lowers into core values. Spilled values go to `pointer`, or to memory that the guest
    /// allocates.
    fn lower<'a>(
        &self,
        cx: &mut LowerContext<'_>,
        vals: impl Iterator<Item = (&'a Type, &'a Val)>,
        pointer: Option<u32>,
    ) -> Result<Vec<CoreVal>, CallError> {
        let mut values = Vec::new();
        if self.flat.is_some() {
            for (ty, val) in vals {
                lower(cx, ty, val, &mut values)?;
            }
            return Ok(values);
        }
        let target = match pointer {
            Some(pointer) => {
                cx.check_target(pointer, self.align, self.size)?;
                pointer
            }
            None => cx.allocate(self.align, self.size)?,
        };
        let mut bytes = zeros(self.size);
        for ((ty, val), offset) in vals.zip(&self.offsets) {
            encode(cx, ty, val, tail(&mut bytes, *offset)?)?;
        }
        cx.write(target, &bytes)?;
        if pointer.is_none() {
            values.push(CoreVal::I32(target));
        }
        Ok(values)
    }
}

impl FuncAbi {
    /// Computes the layout of a function's values.
    ///
    /// # Errors
    ///
    /// [`TypeError::TooLarge`] if the parameters together do not fit into a 32-bit memory.
    pub fn new(ty: FuncType) -> Result<Self, TypeError> {
        let params = ValuesLayout::new(ty.params.iter().map(|(_, ty)| ty), MAX_FLAT_PARAMS)?;
        let result = ValuesLayout::new(ty.result.iter(), MAX_FLAT_RESULTS)?;
        Ok(Self { ty, params, result })
    }

    /// Returns the function's type.
    pub fn ty(&self) -> &FuncType {
        &self.ty
    }

    /// Returns the type of the core function that is lifted, or to which a function is lowered.
    pub fn core_signature(&self, direction: Direction) -> CoreSignature {
        let mut params = self
            .params
            .flat
            .clone()
            .unwrap_or_else(|| vec![FlatType::I32]);
        let results = match (&self.result.flat, direction) {
            (Some(flat), _) => flat.clone(),
            (None, Direction::Lift) => vec![FlatType::I32],
            (None, Direction::Lower) => {
                params.push(FlatType::I32);
                Vec::new()
            }
        };
        CoreSignature { params, results }
    }

    /// Splits off the pointer to which the guest wants a spilled result written.
    fn split_pointer<'v>(
        &self,
        values: &'v [CoreVal],
    ) -> Result<(&'v [CoreVal], Option<u32>), Trap> {
        match (&self.result.flat, values) {
            (Some(_), values) => Ok((values, None)),
            (None, [values @ .., CoreVal::I32(pointer)]) => Ok((values, Some(*pointer))),
            (None, _) => Err(no_pointer()),
        }
    }

    /// Lifts the arguments of a guest's call into Rust types, which were checked against the
    /// function's types.
    pub(crate) fn lift_params_as<L: LiftList>(
        &self,
        cx: &mut LiftContext<'_>,
        values: &[CoreVal],
    ) -> Result<(L, Option<u32>), Trap> {
        let (values, pointer) = self.split_pointer(values)?;
        let list = self.params.lift_as(cx, self.ty.param_types(), values)?;
        Ok((list, pointer))
    }

    /// Returns the arguments of a guest's call, and the pointer for a spilled result.
    pub(crate) fn raw_params<'a>(
        &self,
        memory: &'a [u8],
        values: &'a [CoreVal],
    ) -> Result<(RawArgs<'a>, Option<u32>), Trap> {
        let (values, pointer) = self.split_pointer(values)?;
        let passed = match (&self.params.flat, values) {
            (Some(_), values) => RawArgs::Flat(values),
            (None, [CoreVal::I32(at)]) => {
                let ValuesLayout { size, align, .. } = self.params;
                let code = TrapCode::MemoryOutOfBounds;
                RawArgs::Spilled(checked_slice(memory, *at, align, size.into(), code)?)
            }
            (None, _) => {
                return Err(Trap::new(
                    TrapCode::Signature,
                    "the pointer to the parameters is missing",
                ));
            }
        };
        Ok((passed, pointer))
    }

    /// Lowers the result of a guest's call from a Rust type that was checked against the function's
    /// type.
    pub(crate) fn lower_result_as<L: LowerList>(
        &self,
        cx: &mut LowerContext<'_>,
        result: &L,
        pointer: Option<u32>,
        out: &mut Vec<CoreVal>,
    ) -> Result<(), CallError> {
        self.result
            .lower_as(cx, self.ty.result_types(), result, pointer, out)
    }

    /// Lowers the arguments of a host's call from Rust types that were checked against the
    /// function's types.
    pub(crate) fn lower_params_as<L: LowerList>(
        &self,
        cx: &mut LowerContext<'_>,
        params: &L,
        out: &mut Vec<CoreVal>,
    ) -> Result<(), CallError> {
        self.params
            .lower_as(cx, self.ty.param_types(), params, None, out)
    }

    /// Lifts the result of a host's call into a Rust type that was checked against the function's
    /// type.
    pub(crate) fn lift_result_as<L: LiftList>(
        &self,
        cx: &mut LiftContext<'_>,
        values: &[CoreVal],
    ) -> Result<L, Trap> {
        self.result.lift_as(cx, self.ty.result_types(), values)
    }

    /// Lifts the arguments of a guest's call. Returns them, and the pointer for a spilled result.
    ///
    /// # Errors
    ///
    /// A trap if the guest violated the ABI.
    pub fn lift_params(
        &self,
        cx: &mut LiftContext<'_>,
        values: &[CoreVal],
    ) -> Result<(Vec<Val>, Option<u32>), Trap> {
        let (values, pointer) = self.split_pointer(values)?;
        let vals = self
            .params
            .lift(cx, self.ty.params.iter().map(|(_, ty)| ty), values)?;
        Ok((vals, pointer))
    }

    /// Lowers the result of a guest's call; `pointer` is the one that
    /// [`lift_params`](Self::lift_params) returned.
    ///
    /// # Errors
    ///
    /// A [`HostError`] if the value has another type than the result, a trap if the guest violated
    /// the ABI.
    pub fn lower_result(
        &self,
        cx: &mut LowerContext<'_>,
        result: Option<&Val>,
        pointer: Option<u32>,
    ) -> Result<Option<CoreVal>, CallError> {
        match (&self.ty.result, result) {
            (Some(ty), Some(val)) => {
                super::check(ty, val)?;
                if self.result.flat.is_none() && pointer.is_none() {
                    return Err(no_pointer().into());
                }
                Ok(self
                    .result
                    .lower(cx, [(ty, val)].into_iter(), pointer)?
                    .pop())
            }
            (None, None) => Ok(None),
            (Some(_), None) => {
                Err(HostError::new("the function has a result, but none was returned").into())
            }
            (None, Some(_)) => {
                Err(HostError::new("the function has no result, but one was returned").into())
            }
        }
    }

    /// Lowers the arguments of a host's call.
    ///
    /// # Errors
    ///
    /// A [`HostError`] if the number or the types of the values do not match the parameters, before
    /// anything reaches the guest; a trap if the guest's allocator fails.
    pub fn lower_params(
        &self,
        cx: &mut LowerContext<'_>,
        vals: &[Val],
    ) -> Result<Vec<CoreVal>, CallError> {
        if vals.len() != self.ty.params.len() {
            let message = format!(
                "expected {} arguments, found {}",
                self.ty.params.len(),
                vals.len()
            );
            return Err(HostError::new(message).into());
        }
        let pairs = || self.ty.params.iter().map(|(_, ty)| ty).zip(vals);
        pairs().try_for_each(|(ty, val)| super::check(ty, val))?;
        self.params.lower(cx, pairs(), None)
    }

    /// Lifts the result of a host's call from the results of the core function.
    ///
    /// # Errors
    ///
    /// A trap if the guest violated the ABI.
    pub fn lift_result(
        &self,
        cx: &mut LiftContext<'_>,
        values: &[CoreVal],
    ) -> Result<Option<Val>, Trap> {
        Ok(self.result.lift(cx, self.ty.result.iter(), values)?.pop())
    }
}

fn no_pointer() -> Trap {
    Trap::new(TrapCode::Signature, "the pointer for the result is missing")
}
