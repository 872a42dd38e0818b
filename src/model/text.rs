//! Rule 5: text from the lake is hostile. One escaper for every room, screen and printout, and the two ways of
//! cutting what was escaped to a width. It does not mask personal data and knows no colours.
//!
//! # The scheme
//! What could act on a terminal or hide from a reader is written as `\n`, `\r`, `\t`, `\xHH` (under U+0100,
//! two lower-case digits) or `\u{H…}`. A backslash of the text stays itself (`\d`, `C:\data`) unless what
//! follows it would read as one of these or as `\\`; then it is doubled. So no two texts are escaped to the
//! same output: reading left to right, `\\` is a backslash, the forms above are the characters they name,
//! and any other backslash is itself.

use std::borrow::Cow;
use std::fmt::Write;
use std::iter::Peekable;
use std::str::CharIndices;

use unicode_general_category::{GeneralCategory, get_general_category};
use unicode_width::UnicodeWidthChar;

/// Marks in a row on one letter that are still writing and not "zalgo" that paints over other lines.
/// Vietnamese, Hebrew and Tibetan stay within four.
const MARKS_IN_A_ROW: usize = 4;

/// Ends a text that was cut; one column wide. Callers in ASCII mode may swap it.
pub const CUT: char = '…';

/// Replaces every control, format, bidirectional, zero-width, invisible, private and unassigned character,
/// every space that is not U+0020, and combining marks that have no letter to sit on or are the fifth in a
/// row, so that nothing from the lake acts on a terminal or hides from a reader: `\n`, `\x1b`, `\u{202e}`.
/// The module's doc has the scheme; it can be undone. Text without any of these is borrowed.
pub fn escape(text: &str) -> Cow<'_, str> {
    let mut out: Option<String> = None;
    for (at, piece) in Pieces::new(text) {
        match (piece, &mut out) {
            (Piece::Plain(_), None) => {}
            (Piece::Plain(c), Some(out)) => out.push(c),
            (Piece::Escape(e), Some(out)) => out.push_str(&e),
            (Piece::Escape(e), None) => {
                let mut fresh = String::with_capacity(text.len() + e.len() + 16);
                fresh.push_str(text.get(..at).unwrap_or_default());
                fresh.push_str(&e);
                out = Some(fresh);
            }
        }
    }
    out.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The text escaped and, where it is wider than `max_width` columns, cut at its end with [`CUT`]. An escape
/// is never cut in two. Looks only at what fits, so a huge cell costs nothing.
pub fn one_line(text: &str, max_width: usize) -> String {
    let (mut out, mut width) = (String::new(), 0);
    let (mut fits, room) = (0, max_width.saturating_sub(1)); // where to cut if the whole does not fit
    for (_, piece) in Pieces::new(text) {
        width += piece.width();
        if width > max_width {
            out.truncate(fits);
            if max_width > 0 {
                out.push(CUT);
            }
            return out;
        }
        piece.push_to(&mut out);
        if width <= room {
            fits = out.len();
        }
    }
    out
}

/// The text escaped and, where it is wider than `max_width` columns, cut in its middle with [`CUT`]: for
/// paths, which differ at both ends. Where the halves are uneven the end is the longer one.
pub fn middle(text: &str, max_width: usize) -> String {
    let pieces: Vec<Piece> = Pieces::new(text).map(|(_, p)| p).collect();
    if pieces.iter().map(Piece::width).sum::<usize>() <= max_width {
        return escape(text).into_owned();
    }
    if max_width == 0 {
        return String::new();
    }
    let room = max_width - 1;
    let mut out = String::new();
    let mut width = 0;
    for piece in &pieces {
        width += piece.width();
        if width > room / 2 {
            break;
        }
        piece.push_to(&mut out);
    }
    out.push(CUT);
    let mut width = 0;
    let kept = pieces.iter().rev().take_while(|p| {
        width += p.width();
        width <= room.div_ceil(2)
    });
    // A mark whose letter was cut off would sit on the `…`.
    let kept: Vec<&Piece> = kept.collect();
    kept.into_iter().rev().skip_while(|p| p.width() == 0).for_each(|p| p.push_to(&mut out));
    out
}

/// A count with thousands separators: `1,200`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// Whether a character may never reach a terminal as itself, wherever it stands.
pub fn is_hostile(c: char) -> bool {
    use GeneralCategory as G;
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    match get_general_category(c) {
        G::Control | G::Format | G::LineSeparator | G::ParagraphSeparator => true,
        G::Surrogate | G::PrivateUse | G::Unassigned | G::SpaceSeparator => true,
        _ => is_invisible(c),
    }
}

/// Letters, marks and symbols that show as nothing (Unicode's `Default_Ignorable_Code_Point` beyond the
/// format characters, the blank braille pattern, the musical null notehead and the Khitan filler).
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{16fe4}' | '\u{1d159}'
        | '\u{e0100}'..='\u{e01ef}')
}

/// Whether a character sits on the one before it: marks, and the vowels and finals of decomposed Hangul,
/// which take no column of their own.
fn is_mark(c: char) -> bool {
    use GeneralCategory as G;
    !c.is_ascii()
        && (matches!(get_general_category(c), G::NonspacingMark | G::EnclosingMark | G::SpacingMark)
            || c.width() == Some(0))
}

/// One character of the text as it is shown.
enum Piece {
    Plain(char),
    Escape(String),
}

impl Piece {
    fn of(c: char) -> Self {
        let mut s = String::with_capacity(10);
        // Writing to a String cannot fail.
        let _ = match c {
            '\n' => s.write_str("\\n"),
            '\r' => s.write_str("\\r"),
            '\t' => s.write_str("\\t"),
            '\\' => s.write_str("\\\\"),
            c if u32::from(c) < 0x100 => write!(s, "\\x{:02x}", u32::from(c)),
            c => write!(s, "\\u{{{:x}}}", u32::from(c)),
        };
        Self::Escape(s)
    }

    fn width(&self) -> usize {
        match self {
            Self::Plain(c) => c.width().unwrap_or(0),
            Self::Escape(e) => e.len(), // ASCII
        }
    }

    fn push_to(&self, out: &mut String) {
        match self {
            Self::Plain(c) => out.push(*c),
            Self::Escape(e) => out.push_str(e),
        }
    }
}

/// The pieces of a text with the byte index of each.
struct Pieces<'a> {
    text: &'a str,
    chars: Peekable<CharIndices<'a>>,
    /// Marks since the last letter; full at the start and after an escape, where there is no letter.
    marks: usize,
}

impl<'a> Pieces<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, chars: text.char_indices().peekable(), marks: MARKS_IN_A_ROW }
    }

    /// Whether the backslash before `rest` would be read as the start of an escape.
    fn ambiguous(rest: &str) -> bool {
        let mut next = rest.chars();
        match next.next() {
            None => false,
            Some('n' | 'r' | 't' | '\\') => true,
            Some('x') => next.next().is_some_and(|c| c.is_ascii_hexdigit()),
            Some('u') => next.next() == Some('{'),
            // Its escape will begin with a backslash, and so will that of a mark, sometimes.
            Some(c) => is_hostile(c) || is_mark(c),
        }
    }
}

impl Iterator for Pieces<'_> {
    type Item = (usize, Piece);

    fn next(&mut self) -> Option<Self::Item> {
        let (at, c) = self.chars.next()?;
        if matches!(c, ' '..='[' | ']'..='~') {
            self.marks = 0;
            return Some((at, Piece::Plain(c)));
        }
        let doubled = c == '\\' && Self::ambiguous(self.text.get(at + 1..).unwrap_or_default());
        let mark = is_mark(c);
        if doubled || is_hostile(c) || (mark && self.marks >= MARKS_IN_A_ROW) {
            self.marks = MARKS_IN_A_ROW;
            return Some((at, Piece::of(c)));
        }
        self.marks = if mark { self.marks + 1 } else { 0 };
        Some((at, Piece::Plain(c)))
    }
}

/// The first line that says something, of a length that fits a sentence.
pub fn first_line(message: &str) -> Option<String> {
    const CHARS: usize = 200;
    let line = message.lines().map(str::trim).find(|l| !l.is_empty())?;
    let mut short: String = line.chars().take(CHARS).collect();
    if short.len() < line.len() {
        short.push(CUT);
    }
    Some(short)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    use super::*;

    /// Undoes [`escape`] by the scheme of the module's doc.
    fn unescape(text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let (value, len) = read_escape(rest).unwrap_or((c, c.len_utf8()));
            out.push(value);
            rest = &rest[len..];
        }
        out
    }

    fn read_escape(rest: &str) -> Option<(char, usize)> {
        let after = rest.strip_prefix('\\')?;
        match after.chars().next()? {
            '\\' => Some(('\\', 2)),
            'n' => Some(('\n', 2)),
            'r' => Some(('\r', 2)),
            't' => Some(('\t', 2)),
            'x' => {
                let hex = after.get(1..3)?;
                let value = u32::from_str_radix(hex, 16).ok().filter(|_| !hex.starts_with('+'))?;
                Some((char::from_u32(value)?, 4))
            }
            'u' => {
                let hex = after.strip_prefix("u{")?.split('}').next()?;
                Some((char::from_u32(u32::from_str_radix(hex, 16).ok()?)?, hex.len() + 4))
            }
            _ => None,
        }
    }

    #[test]
    fn escapes_what_acts_or_hides() {
        let table = [
            ("a\nb\r\tc", r"a\nb\r\tc"),
            ("\x1b[31mred\x1b]52;c;aGk=\x07", r"\x1b[31mred\x1b]52;c;aGk=\x07"),
            ("\u{9b}31m\u{85}\u{7f}\0", r"\x9b31m\x85\x7f\x00"),
            ("abc\u{202e}fdp.exe\u{2066}", r"abc\u{202e}fdp.exe\u{2066}"),
            ("pay\u{200b}pal\u{feff}\u{ad}", r"pay\u{200b}pal\u{feff}\xad"),
            ("a\u{a0}b\u{3000}c\u{2028}", r"a\xa0b\u{3000}c\u{2028}"),
            ("\u{3164}\u{115f}\u{2800}\u{ffa0}", r"\u{3164}\u{115f}\u{2800}\u{ffa0}"),
            ("x\u{fe0f}\u{e0100}\u{e0041}\u{34f}", r"x\u{fe0f}\u{e0100}\u{e0041}\u{34f}"),
            ("\u{e000}\u{378}\u{10ffff}", r"\u{e000}\u{378}\u{10ffff}"),
        ];
        for (text, shown) in table {
            assert_eq!(escape(text), shown, "{text:?}");
        }
    }

    #[test]
    fn a_backslash_is_doubled_only_where_it_would_mislead() {
        let table = [
            (r"C:\data\2024", r"C:\data\2024"),
            (r"^\d+\.\w$", r"^\d+\.\w$"),
            (r"C:\new", r"C:\\new"),
            (r"\x1b[31m", r"\\x1b[31m"),
            (r"\xyz \u0041", r"\xyz \u0041"),
            (r"\u{202e}", r"\\u{202e}"),
            ("\\\n", r"\\\n"),
            (r"\\host", r"\\\host"),
            ("end\\", r"end\"),
        ];
        for (text, shown) in table {
            assert_eq!(escape(text), shown, "{text:?}");
            assert_eq!(unescape(shown), text);
        }
    }

    #[test]
    fn marks_stay_on_letters_and_never_pile_up() {
        let letter = "e\u{301}\u{302}\u{303}\u{304}";
        assert!(matches!(escape(letter), Cow::Borrowed(_)));
        assert_eq!(escape(&format!("{letter}\u{305}\u{306}x")), format!(r"{letter}\u{{305}}\u{{306}}x"));
        assert_eq!(escape("\u{301}x"), r"\u{301}x", "nothing to sit on");
        assert_eq!(escape("\n\u{301}"), r"\n\u{301}");
        assert_eq!(escape("\\\u{301}"), r"\\\u{301}", "nor on our own backslash");
        assert!(matches!(escape("\u{1112}\u{1161}\u{11ab}"), Cow::Borrowed(_)), "decomposed Hangul");
    }

    #[test]
    fn writing_of_the_world_is_borrowed() {
        for text in ["", "Tiếng Việt", "日本語テキスト", "Ελληνικά", "العربية", "हिन्दी", "😀 naïve – “x” €"]
        {
            assert!(matches!(escape(text), Cow::Borrowed(t) if t == text), "{text}");
        }
    }

    #[test]
    fn cuts_to_width() {
        let table = [
            ("abcdef", 6, "abcdef", "abcdef"),
            ("abcdef", 5, "abcd…", "ab…ef"),
            ("abcdef", 4, "abc…", "a…ef"),
            ("abcdef", 1, "…", "…"),
            ("abcdef", 0, "", ""),
            ("日本語", 5, "日本…", "日…語"),
            ("日本語", 4, "日…", "…語"),
            ("ab\u{202e}cd", 9, "ab…", "ab…cd"),
            ("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…", "…e\u{301}"),
        ];
        for (text, width, end, mid) in table {
            assert_eq!(one_line(text, width), end, "{text:?} end {width}");
            assert_eq!(middle(text, width), mid, "{text:?} middle {width}");
        }
    }

    #[test]
    fn groups_thousands() {
        let shown = [0, 999, 1000, 1_234_567, u64::MAX].map(thousands);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567", "18,446,744,073,709,551,615"]);
    }

    /// Texts rich in what the escaper has to treat.
    fn nasty() -> impl Strategy<Value = String> {
        let c = prop_oneof![
            any::<char>(),
            proptest::sample::select(
                "\\\\\\nrtxu{}0123456789abcdefAF \n\r\t\x1b\u{9b}\u{301}\u{302}\u{200d}\u{202e}\u{fe0f}\u{1161}語"
                    .chars()
                    .collect::<Vec<_>>()
            ),
        ];
        proptest::collection::vec(c, 0..60).prop_map(|v| v.into_iter().collect())
    }

    proptest! {
        #[test]
        fn no_hostile_character_survives(text in nasty()) {
            let shown = escape(&text);
            prop_assert!(!shown.chars().any(is_hostile));
            let longest = shown.split(|c| !is_mark(c)).map(|run| run.chars().count()).max();
            prop_assert!(longest.unwrap_or(0) <= MARKS_IN_A_ROW);
            prop_assert!(!shown.starts_with(is_mark));
        }

        #[test]
        fn escaping_can_be_undone(text in nasty()) {
            prop_assert_eq!(unescape(&escape(&text)), text);
        }

        #[test]
        fn plain_text_is_borrowed(text in "[ -\\[\\]-~]{0,40}") {
            prop_assert!(matches!(escape(&text), Cow::Borrowed(t) if t == text));
        }

        #[test]
        fn cut_text_fits_and_is_harmless(text in nasty(), width in 0usize..30) {
            for cut in [one_line(&text, width), middle(&text, width)] {
                prop_assert!(cut.width() <= width, "{cut:?} {width}");
                prop_assert!(cut.chars().map(|c| c.width().unwrap_or(0)).sum::<usize>() <= width);
                prop_assert!(!cut.chars().any(is_hostile));
            }
            let whole = escape(&text);
            let sum: usize = whole.chars().map(|c| c.width().unwrap_or(0)).sum();
            if sum <= width {
                prop_assert_eq!(one_line(&text, width), whole.as_ref());
                prop_assert_eq!(middle(&text, width), whole.as_ref());
            }
        }
    }
}
