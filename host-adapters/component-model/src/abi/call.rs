//! Whole calls: parameters and results, in core values where they fit and spilled to memory where they do not.

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

/// Which side of a call the core function is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// A core function of the guest is called by the host: `canon lift`.
    Lift,
    /// A core function that stands for one of the host is called by the guest: `canon lower`.
    Lower,
}

/// How a function's parameters and result pass, worked out once for a function.
#[derive(Debug, Clone)]
pub struct FuncAbi {
    ty: FuncType,
    params: Passing,
    result: Passing,
}

/// The arguments of a call that a guest makes, as it passes them.
#[derive(Debug, Clone, Copy)]
pub enum Passed<'a> {
    /// In core values, of the types that the function's parameters flatten to.
    Flat(&'a [CoreVal]),
    /// In the guest's memory, laid out as the function's parameters are: these are their bytes.
    Spilled(&'a [u8]),
}

/// How several values pass together.
#[derive(Debug, Clone)]
struct Passing {
    /// The core values, or `None` where they are too many and are spilled.
    flat: Option<Vec<FlatType>>,
    size: u32,
    align: u32,
    offsets: Box<[u32]>,
}

impl Passing {
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

    /// Lowers into core values; spilled ones go to `pointer`, or to memory that the guest allocates.
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
    /// Works out how a function's values pass.
    ///
    /// # Errors
    ///
    /// [`TypeError::TooLarge`] if the parameters together do not fit into a 32-bit memory.
    pub fn new(ty: FuncType) -> Result<Self, TypeError> {
        let params = Passing::new(ty.params.iter().map(|(_, ty)| ty), MAX_FLAT_PARAMS)?;
        let result = Passing::new(ty.result.iter(), MAX_FLAT_RESULTS)?;
        Ok(Self { ty, params, result })
    }

    /// Returns the function's type.
    pub fn ty(&self) -> &FuncType {
        &self.ty
    }

    /// Returns the type of the core function that is lifted, or that a function is lowered to.
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

    /// Splits off the place where a guest wants a spilled result.
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

    /// Lifts the arguments of a call that a guest makes to the host into Rust types, which were checked against the function's.
    pub(crate) fn lift_params_as<L: LiftList>(
        &self,
        cx: &mut LiftContext<'_>,
        values: &[CoreVal],
    ) -> Result<(L, Option<u32>), Trap> {
        let (values, pointer) = self.split_pointer(values)?;
        let list = self.params.lift_as(cx, self.ty.param_types(), values)?;
        Ok((list, pointer))
    }

    /// Finds the arguments of a call that a guest makes to the host, and where it wants a spilled result.
    pub(crate) fn passed_params<'a>(
        &self,
        memory: &'a [u8],
        values: &'a [CoreVal],
    ) -> Result<(Passed<'a>, Option<u32>), Trap> {
        let (values, pointer) = self.split_pointer(values)?;
        let passed = match (&self.params.flat, values) {
            (Some(_), values) => Passed::Flat(values),
            (None, [CoreVal::I32(at)]) => {
                let Passing { size, align, .. } = self.params;
                let code = TrapCode::MemoryOutOfBounds;
                Passed::Spilled(checked_slice(memory, *at, align, size.into(), code)?)
            }
            (None, _) => {
                return Err(Trap::new(
                    TrapCode::Signature,
                    "there is no pointer to the parameters",
                ));
            }
        };
        Ok((passed, pointer))
    }

    /// Lowers the result of a call that a guest made to the host, of Rust types that were checked against the function's.
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

    /// Lowers the arguments of a call that the host makes, of Rust types that were checked against the function's.
    pub(crate) fn lower_params_as<L: LowerList>(
        &self,
        cx: &mut LowerContext<'_>,
        params: &L,
        out: &mut Vec<CoreVal>,
    ) -> Result<(), CallError> {
        self.params
            .lower_as(cx, self.ty.param_types(), params, None, out)
    }

    /// Lifts the result of a call that the host made into Rust types, which were checked against the function's.
    pub(crate) fn lift_result_as<L: LiftList>(
        &self,
        cx: &mut LiftContext<'_>,
        values: &[CoreVal],
    ) -> Result<L, Trap> {
        self.result.lift_as(cx, self.ty.result_types(), values)
    }

    /// Lifts the arguments of a call that a guest makes to the host; returns them, and where the guest wants a spilled result.
    ///
    /// # Errors
    ///
    /// A trap if the guest broke the ABI.
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

    /// Lowers the result of a call that a guest made to the host; `pointer` is what [`lift_params`](Self::lift_params) returned.
    ///
    /// # Errors
    ///
    /// A [`HostError`] if the value is not of the result's type, a trap if the guest broke the ABI.
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

    /// Lowers the arguments of a call that the host makes to a guest.
    ///
    /// # Errors
    ///
    /// A [`HostError`] if the values are not of the parameters' types or another number, and then the guest was not touched; a trap
    /// if the guest's allocator fails.
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

    /// Lifts the result of a call that the host made to a guest, out of what the core function returned.
    ///
    /// # Errors
    ///
    /// A trap if the guest broke the ABI.
    pub fn lift_result(
        &self,
        cx: &mut LiftContext<'_>,
        values: &[CoreVal],
    ) -> Result<Option<Val>, Trap> {
        Ok(self.result.lift(cx, self.ty.result.iter(), values)?.pop())
    }
}

fn no_pointer() -> Trap {
    Trap::new(TrapCode::Signature, "there is no pointer for the result")
}
