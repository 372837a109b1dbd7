//! Types in a component's text. Each is defined once. Records and similar types get a name, because
//! imported and exported functions may only use named ones.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::generate::Signature;
use crate::ty::Ty;

/// How the types get their names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// By imports that are equal to the definitions.
    Imported,
    /// By exports of the definitions.
    Exported,
}

/// The types of some functions, parts first.
#[derive(Debug, Default)]
pub(super) struct Types {
    list: Vec<(Ty, String)>,
    known: HashMap<Ty, usize>,
}

impl Types {
    pub(super) fn of<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Self {
        let mut types = Self::default();
        for signature in signatures {
            for ty in signature.params.iter().chain(&signature.result) {
                types.add(ty);
            }
        }
        types
    }

    fn add(&mut self, ty: &Ty) {
        if self.known.contains_key(ty) {
            return;
        }
        for part in ty.parts() {
            self.add(part);
        }
        if let Some(text) = self.definition(ty) {
            self.known.insert(ty.clone(), self.list.len());
            self.list.push((ty.clone(), text));
        }
    }

    /// Returns the names of the types that have one.
    pub(super) fn named(&self) -> impl Iterator<Item = String> {
        let all = self.list.iter().enumerate();
        all.filter(|(_, (ty, _))| has_name(ty))
            .map(|(at, _)| format!("n{at}"))
    }

    pub(super) fn write(&self, out: &mut String, named: Named) {
        for (at, (ty, text)) in self.list.iter().enumerate() {
            let _ = writeln!(out, "  (type $t{at} {text})");
            if has_name(ty) {
                let _ = match named {
                    Named::Imported => {
                        writeln!(out, "  (import \"n{at}\" (type $n{at} (eq $t{at})))")
                    }
                    Named::Exported => writeln!(out, "  (export $n{at} \"n{at}\" (type $t{at}))"),
                };
            }
        }
    }

    pub(super) fn signature(&self, signature: &Signature) -> String {
        let mut text = String::new();
        for (at, ty) in signature.params.iter().enumerate() {
            let _ = write!(text, "(param \"a{at}\" {}) ", self.reference(ty));
        }
        if let Some(ty) = &signature.result {
            let _ = write!(text, "(result {})", self.reference(ty));
        }
        text
    }

    fn reference(&self, ty: &Ty) -> String {
        match self.known.get(ty) {
            Some(at) if has_name(ty) => format!("$n{at}"),
            Some(at) => format!("$t{at}"),
            None => ty.kind().to_owned(),
        }
    }

    /// Returns the definition of a type, or `None` for a primitive type.
    fn definition(&self, ty: &Ty) -> Option<String> {
        let mut text = String::from("(");
        text.push_str(ty.kind());
        match ty {
            Ty::List(part) | Ty::Option(part) => {
                let _ = write!(text, " {}", self.reference(part));
            }
            Ty::Record(fields) => {
                for (at, field) in fields.iter().enumerate() {
                    let _ = write!(text, " (field \"f{at}\" {})", self.reference(field));
                }
            }
            Ty::Tuple(parts) => {
                for part in parts {
                    let _ = write!(text, " {}", self.reference(part));
                }
            }
            Ty::Variant(cases) => {
                for (at, case) in cases.iter().enumerate() {
                    let _ = match case {
                        Some(ty) => write!(text, " (case \"c{at}\" {})", self.reference(ty)),
                        None => write!(text, " (case \"c{at}\")"),
                    };
                }
            }
            Ty::Result(ok, err) => {
                if let Some(ok) = ok {
                    let _ = write!(text, " {}", self.reference(ok));
                }
                if let Some(err) = err {
                    let _ = write!(text, " (error {})", self.reference(err));
                }
            }
            Ty::Enum(count) => {
                for at in 0..*count {
                    let _ = write!(text, " \"c{at}\"");
                }
            }
            Ty::Flags(count) => {
                for at in 0..*count {
                    let _ = write!(text, " \"b{at}\"");
                }
            }
            Ty::Own | Ty::Borrow => text.push_str(" $r"),
            Ty::Bool | Ty::S8 | Ty::U8 | Ty::S16 | Ty::U16 | Ty::S32 | Ty::U32 => return None,
            Ty::S64 | Ty::U64 | Ty::F32 | Ty::F64 | Ty::Char | Ty::String => return None,
        }
        text.push(')');
        Some(text)
    }
}

fn has_name(ty: &Ty) -> bool {
    matches!(
        ty,
        Ty::Record(_) | Ty::Variant(_) | Ty::Enum(_) | Ty::Flags(_)
    )
}
