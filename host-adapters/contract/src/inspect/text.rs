//! Types in the syntax of WIT.

/// The maximum length of a type's text, in bytes. A type may be far larger than the component's
/// file.
const MAX_LENGTH: usize = 400;

/// The text of a type, built by an adapter from its engine's types. It is cut after some hundred
/// bytes.
///
/// # Examples
///
/// ```
/// use wasmscope_contract::TypeText;
///
/// let text = TypeText::function(false, [("span", "u64")], ["bool"], |text, ty| text.word(ty));
/// assert_eq!(text, "func(span: u64) -> bool");
/// ```
#[derive(Debug, Default)]
pub struct TypeText(String);

impl TypeText {
    /// Returns the text of a function's type. `write` adds the text of one type.
    pub fn function<'a, T>(
        is_async: bool,
        params: impl IntoIterator<Item = (&'a str, T)>,
        results: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) -> String {
        let mut text = Self::default();
        text.word(if is_async { "async func(" } else { "func(" });
        let params = params.into_iter().map(|(name, ty)| (Some(name), Some(ty)));
        text.parts(params, &mut write);
        text.word(")");
        for result in results {
            text.word(" -> ");
            write(&mut text, result);
        }
        text.0
    }

    /// Adds a word: the name of a type without parts, for instance.
    pub fn word(&mut self, word: &str) {
        if self.is_full() {
            return;
        }
        self.0.push_str(word);
        if self.is_full() {
            let mut end = MAX_LENGTH;
            while !self.0.is_char_boundary(end) {
                end = end.saturating_sub(1);
            }
            self.0.truncate(end);
            self.0.push('…');
        }
    }

    /// Adds a type with parameters: `list<u8>`, `result<_, string>`. Without parameters, only its
    /// name.
    pub fn generic<T>(
        &mut self,
        name: &str,
        parts: impl IntoIterator<Item = Option<T>>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.word(name);
        let mut parts: Vec<_> = parts.into_iter().collect();
        while parts.last().is_some_and(Option::is_none) {
            parts.pop();
        }
        if parts.is_empty() {
            return;
        }
        self.word("<");
        for (index, part) in parts.into_iter().enumerate() {
            if index > 0 {
                self.word(", ");
            }
            match part {
                Some(part) => write(self, part),
                None => self.word("_"),
            }
        }
        self.word(">");
    }

    /// Adds a type with named parts: `record { name: string }`, `variant { none, some(u8) }`,
    /// `enum { a, b }`.
    pub fn named<'a, T>(
        &mut self,
        keyword: &str,
        parts: impl IntoIterator<Item = (&'a str, Option<T>)>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.word(keyword);
        self.word(" { ");
        if keyword == "variant" {
            for (index, (name, payload)) in parts.into_iter().enumerate() {
                if self.is_full() {
                    return;
                }
                if index > 0 {
                    self.word(", ");
                }
                self.word(name);
                if let Some(payload) = payload {
                    self.word("(");
                    write(self, payload);
                    self.word(")");
                }
            }
        } else {
            let parts = parts.into_iter().map(|(name, ty)| (Some(name), ty));
            self.parts(parts, &mut write);
        }
        self.word(" }");
    }

    /// Returns whether further text would be cut. An adapter need not go deeper then.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.len() > MAX_LENGTH
    }

    fn parts<'a, T>(
        &mut self,
        parts: impl IntoIterator<Item = (Option<&'a str>, Option<T>)>,
        write: &mut impl FnMut(&mut Self, T),
    ) {
        for (index, (name, ty)) in parts.into_iter().enumerate() {
            if self.is_full() {
                return;
            }
            if index > 0 {
                self.word(", ");
            }
            if let Some(name) = name {
                self.word(name);
            }
            if let Some(ty) = ty {
                self.word(": ");
                write(self, ty);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(build: impl FnOnce(&mut TypeText)) -> String {
        let mut text = TypeText::default();
        build(&mut text);
        text.0
    }

    #[test]
    fn types_are_written_in_wit_syntax() {
        let word = |text: &mut TypeText, ty: &str| text.word(ty);
        let result = |ok, err| text(|text| text.generic("result", [ok, err], word));
        assert_eq!(result(None, None), "result");
        assert_eq!(result(Some("u32"), None), "result<u32>");
        assert_eq!(result(None, Some("string")), "result<_, string>");
        assert_eq!(
            text(|text| text.named("record", [("a", Some("u8")), ("b", Some("char"))], word)),
            "record { a: u8, b: char }"
        );
        assert_eq!(
            text(|text| text.named("variant", [("a", None), ("b", Some("char"))], word)),
            "variant { a, b(char) }"
        );
        assert_eq!(TypeText::function(true, [], [], word), "async func()");
    }

    #[test]
    fn text_is_bounded() {
        fn nested(text: &mut TypeText, depth: u32) {
            if !text.is_full() {
                text.generic("tuple", [Some(depth), Some(depth)], nested);
            }
        }
        let text = TypeText::function(false, [("all", 0)], [], nested);
        assert!(text.len() < 2 * MAX_LENGTH, "{text}");
        assert!(text.ends_with('…'), "{text}");
        let long = TypeText::function(false, [], ["é".repeat(MAX_LENGTH)], |text, ty| {
            text.word(&ty)
        });
        assert!(long.len() <= MAX_LENGTH + '…'.len_utf8());
    }
}
