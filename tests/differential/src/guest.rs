//! The guests: components that pass values on without interpreting them.
//!
//! A *part* is a component with its own memory, allocator and string encoding. Its function `e0`
//! passes its arguments to the import `f0` as the same core values, and returns the import's
//! result. If possible without a look at the type, it may also return the arguments itself. A
//! *whole* has one part `p`, or two parts of which `p` imports from `q`.

mod body;
mod types;

use std::fmt::Write as _;

use crate::generate::Signature;
use types::Types;

pub use body::can_echo;
pub(crate) use body::{passing, places};

/// A part's string encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// `utf8`.
    Utf8,
    /// `utf16`.
    Utf16,
    /// `latin1+utf16`.
    Compact,
}

impl Encoding {
    /// All encodings.
    pub const ALL: [Self; 3] = [Self::Utf8, Self::Utf16, Self::Compact];

    /// Returns its name in canonical options.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf8",
            Self::Utf16 => "utf16",
            Self::Compact => "latin1+utf16",
        }
    }
}

/// The component that defines the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Definer {
    /// There is no resource.
    Nobody,
    /// The host.
    Host,
    /// The innermost part. Then no function reaches the host, because the host's functions are
    /// imported before any part exists.
    Guest,
}

/// A component to generate.
#[derive(Debug, Clone)]
pub struct Whole {
    /// The string encoding of the called part.
    pub outer: Encoding,
    /// The string encoding of the part that it calls, if there are two.
    pub inner: Option<Encoding>,
    /// The component that defines the resource.
    pub definer: Definer,
    /// The functions. The flag says whether the innermost part returns the arguments itself,
    /// instead of calling the host.
    pub functions: Vec<(Signature, bool)>,
}

/// How a part gets the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Nothing,
    Imports,
    Defines,
}

impl Whole {
    /// Returns the component's text.
    pub fn text(&self) -> String {
        let functions = || self.functions.iter();
        let types = Types::of(functions().map(|(signature, _)| signature));
        let mut out = String::from("(component\n  (import \"nop\" (func $nop))\n");
        let guest = self.definer == Definer::Guest;
        if self.definer == Definer::Host {
            out.push_str("  (import \"r\" (type $r (sub resource)))\n");
            out.push_str(
                "  (import \"make\" (func $make (param \"rep\" u32) (result (own $r))))\n",
            );
            out.push_str(
                "  (import \"unmake\" (func $unmake (param \"of\" (own $r)) (result u32)))\n",
            );
        }
        if !guest {
            types.write(&mut out, types::Named::Imported);
        }
        for (at, (signature, echoes)) in functions().enumerate() {
            if !echoes {
                let _ = writeln!(
                    out,
                    "  (import \"f{at}\" (func $f{at} {}))",
                    types.signature(signature)
                );
            }
        }
        let role = match self.definer {
            Definer::Nobody => Role::Nothing,
            Definer::Host => Role::Imports,
            Definer::Guest => Role::Defines,
        };
        let echoes: Vec<_> = functions().map(|(_, echoes)| *echoes).collect();
        let asking = vec![false; echoes.len()];
        let (last, outer) = match self.inner {
            Some(inner) => {
                self.part(&mut out, "q", inner, role, &types, &echoes);
                self.instance(&mut out, "q", None, role, &types, &echoes);
                let role = if guest { Role::Imports } else { role };
                (Some("q"), (role, asking))
            }
            None => (None, (role, echoes)),
        };
        self.part(&mut out, "p", self.outer, outer.0, &types, &outer.1);
        self.instance(&mut out, "p", last, outer.0, &types, &outer.1);
        out.push(')');
        out
    }

    /// Writes the component of a part.
    fn part(
        &self,
        out: &mut String,
        name: &str,
        encoding: Encoding,
        role: Role,
        types: &Types,
        echoes: &[bool],
    ) {
        let options = format!(
            "string-encoding={} (memory (core memory $memory)) (realloc (core func $libc \"realloc\"))",
            encoding.name()
        );
        let _ = writeln!(out, "  (component ${name}");
        out.push_str(
            "  (import \"nop\" (func $nop))\n  (core func $nop (canon lower (func $nop)))\n",
        );
        out.push_str(include_str!("guest/libc.wat"));
        out.push_str("  (core instance $libc (instantiate $libc (with \"host\" (instance (export \"nop\" (func $nop))))))\n");
        out.push_str("  (alias core export $libc \"memory\" (core memory $memory))\n");
        match role {
            Role::Nothing => types.write(out, types::Named::Imported),
            Role::Imports => {
                out.push_str("  (import \"r\" (type $r (sub resource)))\n");
                types.write(out, types::Named::Imported);
            }
            Role::Defines => {
                out.push_str(
                    "  (type $defined (resource (rep i32) (dtor (core func $libc \"destructor\"))))\n",
                );
                out.push_str("  (export $r \"r\" (type $defined))\n");
                types.write(out, types::Named::Exported);
            }
        }
        let mut imports = String::new();
        if role != Role::Nothing {
            out.push_str("  (core func $drop (canon resource.drop $r))\n");
            imports.push_str(" (export \"drop\" (func $drop))");
        }
        match role {
            Role::Nothing => {}
            Role::Imports => {
                out.push_str(
                    "  (import \"make\" (func $make (param \"rep\" u32) (result (own $r))))\n",
                );
                out.push_str(
                    "  (import \"unmake\" (func $unmake (param \"of\" (own $r)) (result u32)))\n",
                );
                out.push_str("  (core func $new (canon lower (func $make)))\n");
                out.push_str("  (core func $rep (canon lower (func $unmake)))\n");
            }
            Role::Defines => {
                out.push_str("  (core func $new (canon resource.new $r))\n");
                out.push_str("  (core func $rep (canon resource.rep $r))\n");
            }
        }
        if role != Role::Nothing {
            imports.push_str(" (export \"new\" (func $new)) (export \"rep\" (func $rep))");
        }
        for (at, (signature, _)) in self.functions.iter().enumerate() {
            if !echoes[at] {
                let ty = types.signature(signature);
                let _ = writeln!(out, "  (import \"f{at}\" (func $f{at} {ty}))");
                let _ = writeln!(
                    out,
                    "  (core func $f{at} (canon lower (func $f{at}) {options}))"
                );
                let _ = write!(imports, " (export \"f{at}\" (func $f{at}))");
            }
        }
        self.main_module(out, role, echoes);
        let _ = writeln!(
            out,
            "  (core instance $main (instantiate $main (with \"libc\" (instance $libc)) (with \"host\" (instance{imports}))))"
        );
        for (at, (signature, _)) in self.functions.iter().enumerate() {
            let clean = body::clean(signature);
            let _ = writeln!(
                out,
                "  (func (export \"e{at}\") {} (canon lift (core func $main \"e{at}\") {options} (post-return (core func $libc \"{clean}\"))))",
                types.signature(signature)
            );
        }
        out.push_str(include_str!("guest/exports.wat"));
        if role != Role::Nothing {
            out.push_str("  (func (export \"make\") (param \"rep\" u32) (result (own $r)) (canon lift (core func $main \"make\")))\n");
            out.push_str("  (func (export \"unmake\") (param \"of\" (own $r)) (result u32) (canon lift (core func $main \"unmake\")))\n");
        }
        out.push_str("  )\n");
    }

    fn main_module(&self, out: &mut String, role: Role, echoes: &[bool]) {
        out.push_str("  (core module $main\n");
        out.push_str("  (import \"libc\" \"memory\" (memory 1 512))\n");
        out.push_str("  (import \"libc\" \"realloc\" (func $realloc (param i32 i32 i32 i32) (result i32)))\n");
        if role != Role::Nothing {
            out.push_str("  (import \"host\" \"drop\" (func $drop (param i32)))\n");
            out.push_str("  (import \"host\" \"new\" (func $new (param i32) (result i32)))\n");
            out.push_str("  (import \"host\" \"rep\" (func $rep (param i32) (result i32)))\n");
        }
        for (at, (signature, _)) in self.functions.iter().enumerate() {
            if !echoes[at] {
                let ty = body::lowered(signature);
                let _ = writeln!(out, "  (import \"host\" \"f{at}\" (func $f{at} {ty}))");
            }
        }
        out.push_str(include_str!("guest/corrupt.wat"));
        for (at, (signature, _)) in self.functions.iter().enumerate() {
            let drops = role == Role::Imports;
            body::write(out, at, signature, echoes[at], drops);
        }
        if role != Role::Nothing {
            out.push_str(
                "  (func (export \"make\") (param i32) (result i32) (call $new (local.get 0)))\n",
            );
            let dropped = if role == Role::Defines {
                "(local $v i32) (local.set $v (call $rep (local.get 0))) (call $drop (local.get 0)) (local.get $v)"
            } else {
                "(call $rep (local.get 0))"
            };
            let _ = writeln!(
                out,
                "  (func (export \"unmake\") (param i32) (result i32) {dropped})"
            );
        }
        out.push_str("  )\n");
    }

    /// Instantiates a part and exports the instance.
    fn instance(
        &self,
        out: &mut String,
        name: &str,
        from: Option<&str>,
        role: Role,
        types: &Types,
        echoes: &[bool],
    ) {
        let _ = write!(
            out,
            "  (instance $i{name} (instantiate ${name} (with \"nop\" (func $nop))"
        );
        // A resource of `q` has the types that `q` exports with it.
        let of_q = self.definer == Definer::Guest;
        if role != Role::Defines {
            for named in types.named() {
                let _ = match of_q {
                    true => write!(out, " (with \"{named}\" (type $q \"{named}\"))"),
                    false => write!(out, " (with \"{named}\" (type ${named}))"),
                };
            }
        }
        if role == Role::Imports {
            let from_q = of_q || from.is_some();
            out.push_str(if of_q {
                " (with \"r\" (type $q \"r\"))"
            } else {
                " (with \"r\" (type $r))"
            });
            for function in ["make", "unmake"] {
                let _ = match from_q {
                    true => write!(out, " (with \"{function}\" (func $q \"{function}\"))"),
                    false => write!(out, " (with \"{function}\" (func ${function}))"),
                };
            }
        }
        for (at, echoes) in echoes.iter().enumerate() {
            let _ = match from {
                _ if *echoes => Ok(()),
                Some(from) => write!(out, " (with \"f{at}\" (func ${from} \"e{at}\"))"),
                None => write!(out, " (with \"f{at}\" (func $f{at}))"),
            };
        }
        let _ = writeln!(out, "))\n  (export ${name} \"{name}\" (instance $i{name}))");
    }
}
