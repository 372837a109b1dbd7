//! Resource handles of `wasmtime-wasi` and of `component-model`.

use component_model::{
    CallError, ComponentType, CoreVal, InstanceTypes, Lift, LiftContext, Lower, LowerContext,
    Source, Trap, Type, TypeMismatch,
};
use wasmtime::component::Resource;

/// A handle of wasmtime-wasi, passed to and from guests as the same number.
pub(crate) struct Handle<X: 'static>(pub(crate) Resource<X>);

type Lowered<X> = component_model::Resource<X>;

impl<X> From<Lowered<X>> for Handle<X> {
    fn from(lowered: Lowered<X>) -> Self {
        Self(if lowered.owned() {
            Resource::new_own(lowered.rep())
        } else {
            Resource::new_borrow(lowered.rep())
        })
    }
}

impl<X> Handle<X> {
    /// Results of WASI's functions are owned by the guest.
    fn owned(&self) -> Lowered<X> {
        Lowered::new_own(self.0.rep())
    }
}

impl<X> ComponentType for Handle<X> {
    fn typecheck(ty: &Type, types: &InstanceTypes<'_>) -> Result<(), TypeMismatch> {
        Lowered::<X>::typecheck(ty, types)
    }
}

impl<X> Lift for Handle<X> {
    fn lift(cx: &mut LiftContext<'_>, ty: &Type, source: &mut Source<'_>) -> Result<Self, Trap> {
        Lowered::lift(cx, ty, source).map(Self::from)
    }

    fn load(cx: &mut LiftContext<'_>, ty: &Type, bytes: &[u8]) -> Result<Self, Trap> {
        Lowered::load(cx, ty, bytes).map(Self::from)
    }
}

impl<X> Lower for Handle<X> {
    fn lower(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        out: &mut Vec<CoreVal>,
    ) -> Result<(), CallError> {
        self.owned().lower(cx, ty, out)
    }

    fn store(
        &self,
        cx: &mut LowerContext<'_>,
        ty: &Type,
        bytes: &mut [u8],
    ) -> Result<(), CallError> {
        self.owned().store(cx, ty, bytes)
    }
}
