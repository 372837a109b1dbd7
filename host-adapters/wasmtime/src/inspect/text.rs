//! Wasmtime's types as text.

use wasmscope_contract::TypeText;
use wasmtime::component::ResourceType;
use wasmtime::component::types::{ComponentFunc, Type};

use super::Names;

/// Returns a function's type as WIT writes it.
pub(super) fn function(function: &ComponentFunc, names: &Names) -> String {
    TypeText::function(
        function.async_(),
        function.params(),
        function.results(),
        |text, ty| write(text, &ty, names),
    )
}

fn write(text: &mut TypeText, ty: &Type, names: &Names) {
    if text.is_full() {
        return;
    }
    let each = |text: &mut TypeText, ty: Type| write(text, &ty, names);
    let name = |resource: &ResourceType| {
        let named = names.iter().rev().find(|(known, _)| known == resource);
        named.map_or("resource", |(_, name)| name.as_str())
    };
    match ty {
        Type::Bool => text.word("bool"),
        Type::S8 => text.word("s8"),
        Type::U8 => text.word("u8"),
        Type::S16 => text.word("s16"),
        Type::U16 => text.word("u16"),
        Type::S32 => text.word("s32"),
        Type::U32 => text.word("u32"),
        Type::S64 => text.word("s64"),
        Type::U64 => text.word("u64"),
        Type::Float32 => text.word("f32"),
        Type::Float64 => text.word("f64"),
        Type::Char => text.word("char"),
        Type::String => text.word("string"),
        Type::ErrorContext => text.word("error-context"),
        Type::List(list) => text.generic("list", [Some(list.ty())], each),
        Type::FixedLengthList(list) => text.generic("list", [Some(list.ty())], |text, ty| {
            each(text, ty);
            text.word(&format!(", {}", list.len()));
        }),
        Type::Map(map) => text.generic("map", [Some(map.key()), Some(map.value())], each),
        Type::Tuple(tuple) => text.generic("tuple", tuple.types().map(Some), each),
        Type::Option(option) => text.generic("option", [Some(option.ty())], each),
        Type::Result(result) => text.generic("result", [result.ok(), result.err()], each),
        Type::Future(future) => text.generic("future", [future.ty()], each),
        Type::Stream(stream) => text.generic("stream", [stream.ty()], each),
        Type::Record(record) => {
            let fields = record.fields().map(|field| (field.name, Some(field.ty)));
            text.named("record", fields, each);
        }
        Type::Variant(variant) => {
            text.named(
                "variant",
                variant.cases().map(|case| (case.name, case.ty)),
                each,
            );
        }
        Type::Enum(names) => text.named("enum", names.names().map(|name| (name, None)), each),
        Type::Flags(names) => text.named("flags", names.names().map(|name| (name, None)), each),
        Type::Own(resource) => text.word(name(resource)),
        Type::Borrow(resource) => text.generic("borrow", [Some(name(resource))], TypeText::word),
    }
}
