//! Splits what a guest prints into lines.

use std::borrow::Cow;

/// The most bytes of a line. Longer lines are cut into pieces, so that a guest cannot grow the host
/// by a line without end.
pub(super) const MAX_LINE: usize = 8 << 10;

/// The unfinished line of a stream.
#[derive(Debug, Default)]
pub(super) struct Lines {
    unfinished: Vec<u8>,
}

impl Lines {
    /// Adds bytes, and passes on each line that they finish, without its end.
    pub(super) fn add(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) {
        let mut parts = bytes.split(|byte| *byte == b'\n');
        // The last part has no end yet.
        let last = parts.next_back().unwrap_or_default();
        for part in parts {
            self.extend(part, &mut each);
            each(without_return(&self.unfinished));
            self.unfinished.clear();
        }
        self.extend(last, &mut each);
    }

    /// Returns whether there is no unfinished line.
    pub(super) fn is_empty(&self) -> bool {
        self.unfinished.is_empty()
    }

    /// Passes on the unfinished line, if there is one.
    pub(super) fn finish(&mut self, mut each: impl FnMut(&[u8])) {
        // Its memory is freed, because instances may be kept for other requests.
        let unfinished = std::mem::take(&mut self.unfinished);
        if !unfinished.is_empty() {
            each(without_return(&unfinished));
        }
    }

    /// Adds bytes of one line, and passes on pieces of it that are long enough.
    fn extend(&mut self, mut bytes: &[u8], each: &mut impl FnMut(&[u8])) {
        loop {
            let left = MAX_LINE.saturating_sub(self.unfinished.len());
            let Some((fits, rest)) = bytes
                .split_at_checked(left)
                .filter(|(_, rest)| !rest.is_empty())
            else {
                self.unfinished.extend_from_slice(bytes);
                return;
            };
            self.unfinished.extend_from_slice(fits);
            let next = rest.first().copied().unwrap_or_default();
            let end = end_of_piece(&self.unfinished, next);
            each(self.unfinished.get(..end).unwrap_or_default());
            self.unfinished.drain(..end);
            bytes = rest;
        }
    }
}

/// Returns where to cut a line before `next`, so that no character is divided.
fn end_of_piece(line: &[u8], next: u8) -> usize {
    let continues = |byte: u8| byte & 0b1100_0000 == 0b1000_0000;
    if !continues(next) {
        return line.len();
    }
    // A character has at most four bytes, of which the first is at most the third from the end.
    let last = line.iter().rev().take(3).position(|byte| !continues(*byte));
    match last {
        Some(back) if line.len() > back + 1 => line.len() - back - 1,
        // It is not UTF-8.
        Some(_) | None => line.len(),
    }
}

/// Removes the carriage return at the end of a line.
fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Returns a line as text that can neither move the cursor nor look like other lines: without
/// colours, and with other control characters escaped. Bytes that are not UTF-8 are replaced.
pub(super) fn shown(line: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(line);
    let is_plain = |char: char| !char.is_control() || char == '\t';
    if text.chars().all(is_plain) {
        return text;
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(char) = rest.chars().next() {
        if let Some(after) = after_colour(rest) {
            rest = after;
            continue;
        }
        if is_plain(char) {
            shown.push(char);
        } else {
            shown.extend(char.escape_default());
        }
        rest = rest.get(char.len_utf8()..).unwrap_or_default();
    }
    Cow::Owned(shown)
}

/// Returns the text after the code that sets a colour (SGR), if it begins with one.
fn after_colour(text: &str) -> Option<&str> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|char: char| !matches!(char, '0'..='9' | ';' | ':'))?;
    parameters.get(end..)?.strip_prefix('m')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds each part by itself, and returns the lines. The unfinished one is the last.
    fn lines(parts: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for part in parts {
            lines.add(part, |line| found.push(line.to_owned()));
            assert!(lines.unfinished.len() <= MAX_LINE);
        }
        lines.finish(|line| found.push(line.to_owned()));
        lines.finish(|line| panic!("{line:?} is left"));
        found
    }

    #[test]
    fn lines_are_whole_however_they_are_written() {
        for (parts, expected) in [
            (&[&b"one\ntwo\n"[..]][..], &[&b"one"[..], b"two"][..]),
            (&[b"o", b"n", b"e\nt", b"wo", b"\n"], &[b"one", b"two"]),
            (&[b"one\r\n", b"two\r", b"\n"], &[b"one", b"two"]),
            (&[b"\n\n", b"a\n"], &[b"", b"", b"a"]),
            (&[b"one\nunfinished"], &[b"one", b"unfinished"]),
            (&[b"", b"a", b""], &[b"a"]),
            (&[b"a\rb\n"], &[b"a\rb"]),
            (&[], &[]),
        ] {
            assert_eq!(lines(parts), expected, "{parts:?}");
        }
    }

    #[test]
    fn long_lines_are_cut_between_characters() {
        let longest = vec![b'x'; MAX_LINE];
        assert_eq!(lines(&[&longest, b"\n"]).concat(), longest);
        let long = [&longest[..], b"yz\nnext"].concat();
        assert_eq!(
            lines(&[&long]),
            [longest.clone(), b"yz".to_vec(), b"next".to_vec()]
        );
        // In every position, and byte by byte.
        for before in 0..4 {
            let text = "x".repeat(MAX_LINE - before) + "\u{1f600}\u{e9}!";
            let pieces = lines(&[text.as_bytes()]);
            assert_eq!(pieces.len(), 2, "{before}");
            assert_eq!(pieces.concat(), text.as_bytes());
            for piece in &pieces {
                assert!(std::str::from_utf8(piece).is_ok(), "{before}");
                assert!(piece.len() <= MAX_LINE);
            }
            let bytes: Vec<_> = text.as_bytes().chunks(1).collect();
            assert_eq!(lines(&bytes), pieces);
        }
        // Not UTF-8.
        let bytes = vec![0x80; 3 * MAX_LINE];
        assert_eq!(lines(&[&bytes]), vec![vec![0x80; MAX_LINE]; 3]);
    }

    #[test]
    fn shown_lines_stay_on_their_line() {
        for (line, expected) in [
            (&b"plain\ttext \xc3\xa9"[..], "plain\ttext \u{e9}"),
            (b"\x1b[2m12:00\x1b[0m \x1b[38;5;1mred\x1b[m", "12:00 red"),
            (b"\x1b[2Jgone\x1b[1;1H", "\\u{1b}[2Jgone\\u{1b}[1;1H"),
            (b"\x1b[", "\\u{1b}["),
            (b"over\rwritten\x08\x00", "over\\rwritten\\u{8}\\u{0}"),
            (b"\xc2\x9b2J\xff", "\\u{9b}2J\u{fffd}"),
        ] {
            assert_eq!(shown(line), expected);
        }
        assert!(matches!(shown(b"plain"), Cow::Borrowed(_)));
    }
}
