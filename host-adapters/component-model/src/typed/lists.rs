//! Strings and lists.

use super::{ComponentType, InstanceTypes, Lift, Lower, TypeMismatch, unchecked, unchecked_trap};
use crate::abi::flat::Source;
use crate::abi::lift::pointer_pair;
use crate::abi::lower::put_pair;
use crate::abi::{CoreVal, LiftContext, LowerContext, load_string, store_string};
use crate::error::{CallError, Trap};
use crate::types::Type;

impl ComponentType for str {
    fn typecheck(ty: &Type, _: &InstanceTypes<'_>) -> Result<(), TypeMismatch> {
        match ty {
            Type::String => Ok(()),
            _ => Err(TypeMismatch::new("string", ty)),
        }
    }
}

impl Lower for str {
    fn lower(
        &self,
        cx: &mut LowerContext<'_>,
        _: &Type,
        out: &mut Vec<CoreVal>,
    ) -> Result<(), CallError> {
        let (pointer, length) = store_string(cx, self)?;
        out.extend([CoreVal::I32(pointer), CoreVal::I32(length)]);
        Ok(())
    }

    fn store(
        &self,
        cx: &mut LowerContext<'_>,
        _: &Type,
        bytes: &mut [u8],
    ) -> Result<(), CallError> {
        let (pointer, length) = store_string(cx, self)?;
        put_pair(bytes, pointer, length)
    }
}

impl ComponentType for String {
    fn typecheck(ty: &Type, types: &InstanceTypes<'_>) -> Result<(), TypeMismatch> {
        str::typecheck(ty, types)
    }
}

impl Lift for String {
    fn lift(cx: &mut LiftContext<'_>, _: &Type, source: &mut Source<'_>) -> Result<Self, Trap> {
        let (pointer, length) = (source.i32()?, source.i32()?);
        load_string(cx, pointer, length)
    }

    fn load(cx: &mut LiftContext<'_>, _: &Type, bytes: &[u8]) -> Result<Self, Trap> {
        let (pointer, length) = pointer_pair(bytes)?;
        load_string(cx, pointer, length)
    }
}

impl Lower for String {
    fn lower(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        out: &mut Vec<CoreVal>,
    ) -> Result<(), CallError> {
        self.as_str().lower(cx, ty, out)
    }

    fn store(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        bytes: &mut [u8],
    ) -> Result<(), CallError> {
        self.as_str().store(cx, ty, bytes)
    }
}

impl<T: ComponentType> ComponentType for [T] {
    fn typecheck(ty: &Type, types: &InstanceTypes<'_>) -> Result<(), TypeMismatch> {
        match ty {
            Type::List(list) => T::typecheck(list.ty(), types),
            _ => Err(TypeMismatch::new("list", ty)),
        }
    }
}

impl<T: Lower> Lower for [T] {
    fn lower(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        out: &mut Vec<CoreVal>,
    ) -> Result<(), CallError> {
        let Type::List(list) = ty else {
            return Err(unchecked("list", ty).into());
        };
        let (pointer, length) = T::store_list(self, cx, list.ty())?;
        out.extend([CoreVal::I32(pointer), CoreVal::I32(length)]);
        Ok(())
    }

    fn store(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        bytes: &mut [u8],
    ) -> Result<(), CallError> {
        let Type::List(list) = ty else {
            return Err(unchecked("list", ty).into());
        };
        let (pointer, length) = T::store_list(self, cx, list.ty())?;
        put_pair(bytes, pointer, length)
    }
}

impl<T: ComponentType> ComponentType for Vec<T> {
    fn typecheck(ty: &Type, types: &InstanceTypes<'_>) -> Result<(), TypeMismatch> {
        <[T]>::typecheck(ty, types)
    }
}

impl<T: Lift> Lift for Vec<T> {
    fn lift(cx: &mut LiftContext<'_>, ty: &Type, source: &mut Source<'_>) -> Result<Self, Trap> {
        let Type::List(list) = ty else {
            return Err(unchecked_trap("list", ty));
        };
        let (pointer, length) = (source.i32()?, source.i32()?);
        T::load_list(cx, list.ty(), pointer, length)
    }

    fn load(cx: &mut LiftContext<'_>, ty: &Type, bytes: &[u8]) -> Result<Self, Trap> {
        let Type::List(list) = ty else {
            return Err(unchecked_trap("list", ty));
        };
        let (pointer, length) = pointer_pair(bytes)?;
        T::load_list(cx, list.ty(), pointer, length)
    }
}

impl<T: Lower> Lower for Vec<T> {
    fn lower(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        out: &mut Vec<CoreVal>,
    ) -> Result<(), CallError> {
        self.as_slice().lower(cx, ty, out)
    }

    fn store(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        bytes: &mut [u8],
    ) -> Result<(), CallError> {
        self.as_slice().store(cx, ty, bytes)
    }
}
