//! Handles of resources.

use super::{ComponentType, InstanceTypes, Lift, Lower, TypeMismatch, unchecked, unchecked_trap};
use crate::abi::flat::Source;
use crate::abi::lift::word;
use crate::abi::lower::put;
use crate::abi::{CoreVal, LiftContext, LowerContext};
use crate::error::{CallError, Trap};
use crate::handles::ResourceAny;
use crate::ids::{Handle, Rep};
use crate::resource::{Resource, ResourceType};
use crate::types::Type;

impl<T: 'static> ComponentType for Resource<T> {
    fn typecheck(ty: &Type, types: &InstanceTypes<'_>) -> Result<(), TypeMismatch> {
        let (Type::Own(table) | Type::Borrow(table)) = ty else {
            return Err(TypeMismatch::new("resource", ty));
        };
        if types.resource(*table) == Some(ResourceType::host::<T>()) {
            Ok(())
        } else {
            Err(TypeMismatch {
                expected: format!("the host's resource {}", std::any::type_name::<T>()),
                found: "a different resource".to_owned(),
            })
        }
    }
}

fn resource<T>(cx: &mut LiftContext<'_>, ty: &Type, handle: u32) -> Result<Resource<T>, Trap> {
    let handle = Handle(handle);
    match ty {
        Type::Own(table) => Ok(Resource::lifted(
            cx.resources.lift_own(*table, handle)?,
            true,
        )),
        Type::Borrow(table) => Ok(Resource::lifted(
            cx.resources.lift_borrow(*table, handle)?,
            false,
        )),
        _ => Err(unchecked_trap("resource", ty)),
    }
}

impl<T: 'static> Lift for Resource<T> {
    fn lift(cx: &mut LiftContext<'_>, ty: &Type, source: &mut Source<'_>) -> Result<Self, Trap> {
        resource(cx, ty, source.i32()?)
    }

    fn load(cx: &mut LiftContext<'_>, ty: &Type, bytes: &[u8]) -> Result<Self, Trap> {
        resource(cx, ty, word(bytes)?)
    }
}

fn handle<T>(
    cx: &mut LowerContext<'_>,
    ty: &Type,
    resource: &Resource<T>,
) -> Result<u32, CallError> {
    let rep = Rep(resource.rep());
    match ty {
        Type::Own(_) | Type::Borrow(_) if resource.is_given() => {
            Err(crate::HostError::new("the resource was given away before").into())
        }
        Type::Own(_) if !resource.owned() => {
            Err(crate::HostError::new("a borrowed resource cannot be given away").into())
        }
        Type::Own(table) => {
            let handle = cx.resources.give_own(*table, rep)?;
            resource.give();
            Ok(handle.0)
        }
        Type::Borrow(table) => Ok(cx.resources.lower_borrow(*table, rep)?),
        _ => Err(unchecked("resource", ty).into()),
    }
}

impl<T: 'static> Lower for Resource<T> {
    fn lower(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        out: &mut Vec<CoreVal>,
    ) -> Result<(), CallError> {
        out.push(CoreVal::I32(handle(cx, ty, self)?));
        Ok(())
    }

    fn store(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        bytes: &mut [u8],
    ) -> Result<(), CallError> {
        put(bytes, 0, handle(cx, ty, self)?.to_le_bytes())
    }
}

impl ComponentType for ResourceAny {
    fn typecheck(ty: &Type, _: &InstanceTypes<'_>) -> Result<(), TypeMismatch> {
        match ty {
            Type::Own(_) | Type::Borrow(_) => Ok(()),
            _ => Err(TypeMismatch::new("resource", ty)),
        }
    }
}

fn any(cx: &mut LiftContext<'_>, ty: &Type, handle: u32) -> Result<ResourceAny, Trap> {
    match ty {
        Type::Own(table) => cx.own(*table, handle),
        Type::Borrow(table) => cx.borrow(*table, handle),
        _ => Err(unchecked_trap("resource", ty)),
    }
}

impl Lift for ResourceAny {
    fn lift(cx: &mut LiftContext<'_>, ty: &Type, source: &mut Source<'_>) -> Result<Self, Trap> {
        any(cx, ty, source.i32()?)
    }

    fn load(cx: &mut LiftContext<'_>, ty: &Type, bytes: &[u8]) -> Result<Self, Trap> {
        any(cx, ty, word(bytes)?)
    }
}

fn any_handle(
    cx: &mut LowerContext<'_>,
    ty: &Type,
    resource: &ResourceAny,
) -> Result<u32, CallError> {
    match ty {
        Type::Own(table) => cx.own(*table, resource),
        Type::Borrow(table) => cx.borrow(*table, resource),
        _ => Err(unchecked("resource", ty).into()),
    }
}

impl Lower for ResourceAny {
    fn lower(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        out: &mut Vec<CoreVal>,
    ) -> Result<(), CallError> {
        out.push(CoreVal::I32(any_handle(cx, ty, self)?));
        Ok(())
    }

    fn store(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        bytes: &mut [u8],
    ) -> Result<(), CallError> {
        put(bytes, 0, any_handle(cx, ty, self)?.to_le_bytes())
    }
}
