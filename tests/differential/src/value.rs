//! Values that are independent of both hosts, and the text form in kept cases.

use std::fmt;

use anyhow::{Context as _, bail, ensure};

/// A value of the component model.
///
/// Two values are equal if they have the same type and bits. All NaNs are equal, because the
/// canonical ABI lets hosts choose the NaN.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the variants are the component model's own")]
pub enum Value {
    Bool(bool),
    S8(i8),
    U8(u8),
    S16(i16),
    U16(u16),
    S32(i32),
    U32(u32),
    S64(i64),
    U64(u64),
    F32(u32),
    F64(u64),
    Char(char),
    String(String),
    List(Vec<Self>),
    Record(Vec<(String, Self)>),
    Tuple(Vec<Self>),
    Variant(String, Option<Box<Self>>),
    Enum(String),
    Option(Option<Box<Self>>),
    Result(Result<Option<Box<Self>>, Option<Box<Self>>>),
    /// Flags in the order of the names.
    Flags(Vec<String>),
    /// A handle, as the number that it stands for.
    Resource(u32),
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        // Compares the texts, which differ if the values do. All NaNs get the same text.
        self.canonical() == other.canonical()
    }
}

impl Value {
    fn canonical(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, true);
        text
    }

    /// Replaces each NaN by a number.
    #[expect(clippy::wildcard_enum_match_arm, reason = "others hold no floats")]
    pub fn without_nans(&mut self) {
        match self {
            Self::F32(bits) if f32::from_bits(*bits).is_nan() => *bits = 0x3f80_0000,
            Self::F64(bits) if f64::from_bits(*bits).is_nan() => *bits = 0x3ff0_0000_0000_0000,
            Self::List(values) | Self::Tuple(values) => {
                values.iter_mut().for_each(Self::without_nans);
            }
            Self::Record(fields) => {
                fields
                    .iter_mut()
                    .for_each(|(_, value)| value.without_nans());
            }
            Self::Variant(_, Some(value))
            | Self::Option(Some(value))
            | Self::Result(Ok(Some(value)) | Err(Some(value))) => value.without_nans(),
            _ => {}
        }
    }

    fn write(&self, out: &mut String, canonical: bool) {
        let payload = |out: &mut String, value: &Option<Box<Self>>| {
            if let Some(value) = value {
                out.push(' ');
                value.write(out, canonical);
            }
        };
        let all = |out: &mut String, name: &str, values: &[Self]| {
            out.push_str(name);
            for value in values {
                out.push(' ');
                value.write(out, canonical);
            }
        };
        out.push('(');
        match self {
            Self::Bool(value) => out.push_str(&format!("bool {value}")),
            Self::S8(value) => out.push_str(&format!("s8 {value}")),
            Self::U8(value) => out.push_str(&format!("u8 {value}")),
            Self::S16(value) => out.push_str(&format!("s16 {value}")),
            Self::U16(value) => out.push_str(&format!("u16 {value}")),
            Self::S32(value) => out.push_str(&format!("s32 {value}")),
            Self::U32(value) => out.push_str(&format!("u32 {value}")),
            Self::S64(value) => out.push_str(&format!("s64 {value}")),
            Self::U64(value) => out.push_str(&format!("u64 {value}")),
            Self::F32(bits) if canonical && f32::from_bits(*bits).is_nan() => {
                out.push_str("f32 nan");
            }
            Self::F64(bits) if canonical && f64::from_bits(*bits).is_nan() => {
                out.push_str("f64 nan");
            }
            Self::F32(bits) => out.push_str(&format!("f32 {bits:#x}")),
            Self::F64(bits) => out.push_str(&format!("f64 {bits:#x}")),
            Self::Char(value) => out.push_str(&format!("char {:#x}", u32::from(*value))),
            Self::String(value) => out.push_str(&format!("string {}", quoted(value))),
            Self::List(values) => all(out, "list", values),
            Self::Tuple(values) => all(out, "tuple", values),
            Self::Record(fields) => {
                out.push_str("record");
                for (name, value) in fields {
                    out.push_str(&format!(" {name} "));
                    value.write(out, canonical);
                }
            }
            Self::Variant(name, value) => {
                out.push_str(&format!("variant {name}"));
                payload(out, value);
            }
            Self::Enum(name) => out.push_str(&format!("enum {name}")),
            Self::Option(None) => out.push_str("none"),
            Self::Option(value @ Some(_)) => {
                out.push_str("some");
                payload(out, value);
            }
            Self::Result(Ok(value)) => {
                out.push_str("ok");
                payload(out, value);
            }
            Self::Result(Err(value)) => {
                out.push_str("err");
                payload(out, value);
            }
            Self::Flags(names) => {
                out.push_str("flags");
                for name in names {
                    out.push(' ');
                    out.push_str(name);
                }
            }
            Self::Resource(rep) => out.push_str(&format!("resource {rep}")),
        }
        out.push(')');
    }

    /// Reads the values in a text.
    ///
    /// # Errors
    ///
    /// If the text is invalid. The message contains the expected form.
    pub fn parse_all(text: &str) -> anyhow::Result<Vec<Self>> {
        let mut rest = text.trim();
        let mut values = Vec::new();
        while !rest.is_empty() {
            let (value, left) = Self::parse(rest).with_context(|| format!("in {text}"))?;
            values.push(value);
            rest = left.trim_start();
        }
        Ok(values)
    }

    fn parse(text: &str) -> anyhow::Result<(Self, &str)> {
        let inner = text
            .strip_prefix('(')
            .with_context(|| format!("expected `(`, found {text}"))?;
        let (kind, rest) = word(inner);
        if let "list" | "tuple" | "some" | "ok" | "err" = kind {
            let (values, rest) = values(rest)?;
            return Ok((Self::compound(kind, values)?, rest));
        }
        match kind {
            "string" => {
                let (value, rest) = unquoted(rest.trim_start())?;
                return Ok((Self::String(value), closed(rest)?));
            }
            "record" => {
                let (mut fields, mut rest) = (Vec::new(), rest.trim_start());
                while !rest.starts_with(')') {
                    let (name, left) = word(rest);
                    let (value, left) = Self::parse(left.trim_start())?;
                    fields.push((name.to_owned(), value));
                    rest = left.trim_start();
                }
                return Ok((Self::Record(fields), closed(rest)?));
            }
            "variant" => {
                let (name, rest) = word(rest.trim_start());
                let (mut payload, rest) = values(rest)?;
                ensure!(payload.len() < 2, "a variant with two payloads");
                let payload = payload.pop().map(Box::new);
                return Ok((Self::Variant(name.to_owned(), payload), rest));
            }
            "flags" => {
                let (names, rest) = rest.split_once(')').context("expected `)`")?;
                let names = names.split_whitespace().map(str::to_owned).collect();
                return Ok((Self::Flags(names), rest));
            }
            _ => {}
        }
        let (atom, rest) = word(rest.trim_start());
        Ok((Self::atom(kind, atom)?, closed(rest)?))
    }

    fn compound(kind: &str, mut values: Vec<Self>) -> anyhow::Result<Self> {
        Ok(match kind {
            "list" => Self::List(values),
            "tuple" => Self::Tuple(values),
            _ => {
                ensure!(values.len() < 2, "`{kind}` with two payloads");
                let payload = values.pop().map(Box::new);
                match kind {
                    "some" => Self::Option(Some(payload.context("`some` without a payload")?)),
                    "ok" => Self::Result(Ok(payload)),
                    _ => Self::Result(Err(payload)),
                }
            }
        })
    }

    fn atom(kind: &str, atom: &str) -> anyhow::Result<Self> {
        let bits = || {
            let digits = atom.strip_prefix("0x").context("expected `0x`")?;
            anyhow::Ok(u64::from_str_radix(digits, 16)?)
        };
        Ok(match kind {
            "bool" => Self::Bool(atom.parse()?),
            "s8" => Self::S8(atom.parse()?),
            "u8" => Self::U8(atom.parse()?),
            "s16" => Self::S16(atom.parse()?),
            "u16" => Self::U16(atom.parse()?),
            "s32" => Self::S32(atom.parse()?),
            "u32" => Self::U32(atom.parse()?),
            "s64" => Self::S64(atom.parse()?),
            "u64" => Self::U64(atom.parse()?),
            "f32" => Self::F32(bits()?.try_into()?),
            "f64" => Self::F64(bits()?),
            "char" => Self::Char(
                bits()?
                    .try_into()
                    .ok()
                    .and_then(char::from_u32)
                    .context("no char")?,
            ),
            "enum" => Self::Enum(atom.to_owned()),
            "none" => Self::Option(None),
            "resource" => Self::Resource(atom.parse()?),
            _ => bail!("there is no kind `{kind}`"),
        })
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text, false);
        f.write_str(&text)
    }
}

/// Writes a string as ASCII text on one line.
fn quoted(value: &str) -> String {
    let mut text = String::from("\"");
    for char in value.chars() {
        if char.is_ascii_graphic() && !matches!(char, '"' | '\\') || char == ' ' {
            text.push(char);
        } else {
            text.push_str(&format!("\\u{{{:x}}}", u32::from(char)));
        }
    }
    text.push('"');
    text
}

fn unquoted(text: &str) -> anyhow::Result<(String, &str)> {
    let text = text.strip_prefix('"').context("expected `\"`")?;
    let (inner, rest) = text.split_once('"').context("expected `\"`")?;
    let mut parts = inner.split("\\u{");
    let mut value = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (code, plain) = part.split_once('}').context("expected `}`")?;
        value.push(char::from_u32(u32::from_str_radix(code, 16)?).context("no char")?);
        value.push_str(plain);
    }
    Ok((value, rest))
}

fn word(text: &str) -> (&str, &str) {
    let end = text.find([' ', ')']).unwrap_or(text.len());
    text.split_at(end)
}

fn closed(text: &str) -> anyhow::Result<&str> {
    let rest = text.trim_start().strip_prefix(')');
    rest.with_context(|| format!("expected `)`, found {text}"))
}

fn values(text: &str) -> anyhow::Result<(Vec<Value>, &str)> {
    let (mut values, mut rest) = (Vec::new(), text.trim_start());
    while !rest.starts_with(')') {
        let (value, left) = Value::parse(rest)?;
        values.push(value);
        rest = left.trim_start();
    }
    Ok((values, closed(rest)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_they_were_written() {
        let text = "(tuple (bool true) (s8 -1) (f32 0x7fc00001) (char 0x1f600) \
            (string \"a (b) \\u{22}\\u{e9}\") (list) (list (u64 1) (u64 2)) (record f0 (none) f1 (some (ok))) \
            (variant c1) (variant c2 (err (u8 1))) (enum c0) (flags) (flags b0 b2) (resource 7))";
        let values = Value::parse_all(text).unwrap();
        assert_eq!(values.len(), 1);
        assert_eq!(values[0].to_string(), text);
        assert!(Value::parse_all("(u8 300)").is_err());
    }

    #[test]
    fn nans_are_equal_and_zeros_are_not() {
        assert_eq!(Value::F32(0x7fc0_0000), Value::F32(0xffff_ffff));
        assert_ne!(Value::F64(0), Value::F64(1 << 63));
    }
}
