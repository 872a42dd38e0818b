//! The pairs of host and text in which 2.x gives a log as JSON: `[('host', 'text'), …]`, a Python value in a string.
//! Read to where it is understood; nothing of it is run.

use std::iter::Peekable;
use std::str::Chars;

/// The pairs, and whether the text was understood to its end.
pub(super) fn pairs(text: &str) -> (Vec<(String, String)>, bool) {
    let mut chars = text.trim().chars().peekable();
    let mut pairs = Vec::new();
    let understood = list(&mut chars, &mut pairs).is_some() && chars.next().is_none();
    (pairs, understood)
}

fn list(chars: &mut Peekable<Chars<'_>>, pairs: &mut Vec<(String, String)>) -> Option<()> {
    expect(chars, '[')?;
    loop {
        blank(chars);
        match chars.next()? {
            ']' => return Some(()),
            ',' => {}
            '(' => {
                blank(chars);
                let host = literal(chars)?;
                expect(chars, ',')?;
                blank(chars);
                let text = literal(chars)?;
                expect(chars, ')')?;
                pairs.push((host, text));
            }
            _ => return None,
        }
    }
}

fn expect(chars: &mut Peekable<Chars<'_>>, wanted: char) -> Option<()> {
    blank(chars);
    (chars.next()? == wanted).then_some(())
}

fn blank(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| c.is_whitespace()).is_some() {}
}

/// A string literal: <https://docs.python.org/3/reference/lexical_analysis.html#escape-sequences>.
fn literal(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    let quote = chars.next().filter(|c| matches!(c, '\'' | '"'))?;
    let mut text = String::new();
    loop {
        match chars.next()? {
            c if c == quote => return Some(text),
            '\\' => match chars.next()? {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                'x' => text.push(code(chars, 2)?),
                'u' => text.push(code(chars, 4)?),
                'U' => text.push(code(chars, 8)?),
                c @ ('\\' | '\'' | '"') => text.push(c),
                c => text.extend(['\\', c]),
            },
            c => text.push(c),
        }
    }
}

fn code(chars: &mut Peekable<Chars<'_>>, digits: usize) -> Option<char> {
    let mut value = 0u32;
    for _ in 0..digits {
        value = value.checked_mul(16)?.checked_add(chars.next()?.to_digit(16)?)?;
    }
    // Half of a pair, which Python allows, is no character.
    Some(char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_python_value_is_read_and_not_guessed() {
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
        };
        for (text, expected, understood) in [
            (r"[('vm', 'a\nb')]", owned(&[("vm", "a\nb")]), true),
            (r#"[('vm', "it's")]"#, owned(&[("vm", "it's")]), true),
            (
                r"[('vm', 'it\'s \\n \x1b[0m \u00e9 \U0001f600 \q')]",
                owned(&[("vm", "it's \\n \u{1b}[0m é 😀 \\q")]),
                true,
            ),
            (r"[('a', '1'), ('b', '2')]", owned(&[("a", "1"), ("b", "2")]), true),
            ("[]", vec![], true),
            (r"[('a', '1'), ('b', '2", owned(&[("a", "1")]), false),
            (r"[('a', 'x\ud83d')]", owned(&[("a", "x\u{fffd}")]), true),
            ("plain text", vec![], false),
            ("[('a', f())]", vec![], false),
            ("[('a', '1')] or so", owned(&[("a", "1")]), false),
            ("", vec![], false),
        ] {
            assert_eq!(pairs(text), (expected, understood), "{text}");
        }
    }
}
