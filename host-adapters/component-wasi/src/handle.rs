//! Handles of resources, as both libraries have them.

use component_model::abi::{CoreVal, LiftContext, LowerContext, Source};
use component_model::{
    CallError, ComponentType, InstanceTypes, Lift, Lower, Trap, Type, TypeMismatch,
};
use wasmtime::component::Resource;

/// A handle that wasmtime-wasi works with, passed to and from guests as the same number.
pub(crate) struct Handle<X: 'static>(pub(crate) Resource<X>);

type Passed<X> = component_model::Resource<X>;

impl<X> From<Passed<X>> for Handle<X> {
    fn from(passed: Passed<X>) -> Self {
        Self(if passed.owned() {
            Resource::new_own(passed.rep())
        } else {
            Resource::new_borrow(passed.rep())
        })
    }
}

impl<X> Handle<X> {
    /// WASI's functions give what is the guest's from then on.
    fn passed(&self) -> Passed<X> {
        Passed::new_own(self.0.rep())
    }
}

impl<X> ComponentType for Handle<X> {
    fn typecheck(ty: &Type, types: &InstanceTypes<'_>) -> Result<(), TypeMismatch> {
        Passed::<X>::typecheck(ty, types)
    }
}

impl<X> Lift for Handle<X> {
    fn lift(cx: &mut LiftContext<'_>, ty: &Type, source: &mut Source<'_>) -> Result<Self, Trap> {
        Passed::lift(cx, ty, source).map(Self::from)
    }

    fn load(cx: &mut LiftContext<'_>, ty: &Type, bytes: &[u8]) -> Result<Self, Trap> {
        Passed::load(cx, ty, bytes).map(Self::from)
    }
}

impl<X> Lower for Handle<X> {
    fn lower(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        out: &mut Vec<CoreVal>,
    ) -> Result<(), CallError> {
        self.passed().lower(cx, ty, out)
    }

    fn store(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        bytes: &mut [u8],
    ) -> Result<(), CallError> {
        self.passed().store(cx, ty, bytes)
    }
}
