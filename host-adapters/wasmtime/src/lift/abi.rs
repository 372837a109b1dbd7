//! The canonical ABI of the contract's types as Wasmtime computes it. The layouts that the
//! contract's code computes must agree with it.

use wasmscope_contract::{Layout, Type};
use wasmtime::component::__internal::CanonicalAbiInfo;
use wasmtime::component::__internal::wasmtime_environ::component::VariantInfo;

/// More than the fields, or cases with payloads, of any type of the contract.
const MAX: usize = 16;

/// Returns the ABI of parameters, which are a tuple for Wasmtime.
pub(super) const fn of_parameters(types: &[&Type]) -> CanonicalAbiInfo {
    let mut fields = [const { CanonicalAbiInfo::ZERO }; MAX];
    let mut index = 0;
    while index < types.len() {
        fields[index] = of(types[index]);
        index += 1;
    }
    CanonicalAbiInfo::record_static(fields.split_at(index).0)
}

/// Returns the ABI of a type.
///
/// # Panics
///
/// At compile time, if the layout of the type or of one of its parts does not agree.
pub(super) const fn of(ty: &Type) -> CanonicalAbiInfo {
    let abi = match ty {
        Type::Bool | Type::U8 => CanonicalAbiInfo::SCALAR1,
        Type::U32 => CanonicalAbiInfo::SCALAR4,
        Type::U64 | Type::S64 | Type::F64 => CanonicalAbiInfo::SCALAR8,
        Type::String => CanonicalAbiInfo::POINTER_PAIR,
        Type::List(element) => {
            of(element);
            CanonicalAbiInfo::POINTER_PAIR
        }
        Type::Option(payload) => of_variant(&[None, Some(of(payload))], ty.layout()),
        Type::Record(fields) => {
            let mut types = [&Type::Bool; MAX];
            let mut index = 0;
            while index < fields.len() {
                types[index] = fields[index].ty;
                index += 1;
            }
            of_parameters(types.split_at(index).0)
        }
        Type::Variant(cases) => {
            let mut payloads = [const { None }; MAX];
            let mut index = 0;
            while index < cases.len() {
                if let Some(ty) = cases[index].ty {
                    payloads[index] = Some(of(ty));
                }
                index += 1;
            }
            of_variant(payloads.split_at(index).0, ty.layout())
        }
        Type::Enum(cases) => CanonicalAbiInfo::enum_(cases.len()),
        Type::Flags(flags) => CanonicalAbiInfo::flags(flags.len()),
    };
    assert!(agrees(&abi, ty.layout()));
    abi
}

const fn of_variant(payloads: &[Option<CanonicalAbiInfo>], layout: Layout) -> CanonicalAbiInfo {
    let info = VariantInfo::new_static(payloads);
    assert!(info.payload_offset32 as usize == layout.payload_offset());
    CanonicalAbiInfo::variant_static(payloads)
}

/// Returns whether a layout agrees with an ABI. The ABI has no count of core values if it exceeds
/// the maximum of a call.
pub(crate) const fn agrees(abi: &CanonicalAbiInfo, layout: Layout) -> bool {
    let flat = match abi.flat_count {
        Some(count) => count as usize == layout.flat,
        None => layout.flat > MAX,
    };
    flat && abi.size32 as usize == layout.size && abi.align32 as usize == layout.align
}
