//! The paths that a Rust source uses, in `use` lines and in code, spelled from the crate's root. Enough of the
//! language for that: comments and literals, nested `use` trees, `super`, modules in the file.

/// A path and the line it stands in.
#[derive(Debug, PartialEq, Eq)]
pub struct Used {
    pub path: String,
    pub line: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    /// `::`
    Colons,
    Mark(char),
}

/// All paths of more than one segment in `source`, a file of `module`; in `use` lines those of one as well.
pub fn used_paths(module: &[String], source: &str) -> Vec<Used> {
    let mut reader = Reader { tokens: tokens(source), at: 0, used: Vec::new() };
    let mut inline: Vec<usize> = Vec::new(); // brace depths at which modules in the file begin
    let mut depth = 0;
    while let Some((token, _)) = reader.tokens.get(reader.at).cloned() {
        match token {
            Token::Word(word) if word == "mod" && reader.is_mark(reader.at + 2, '{') => {
                depth += 1;
                inline.push(depth);
                reader.at += 3;
            }
            Token::Word(_) | Token::Colons => {
                let single = matches!(&token, Token::Word(word) if word == "use");
                reader.at += usize::from(single);
                let first = reader.used.len();
                if reader.is_mark(reader.at, '{') && !single {
                    reader.at += 1
                } else {
                    reader.tree("", single)
                }
                for used in reader.used.iter_mut().skip(first) {
                    used.path = absolute(module, inline.len(), &used.path);
                }
            }
            Token::Mark(mark) => {
                depth += usize::from(mark == '{');
                if mark == '}' {
                    inline.retain(|begin| *begin < depth);
                    depth = depth.saturating_sub(1);
                }
                reader.at += 1;
            }
        }
    }
    reader.used
}

/// `super::x` and `self::x` spelled from the root.
fn absolute(module: &[String], inline: usize, path: &str) -> String {
    let mut segments = path.split("::").peekable();
    let relative = matches!(segments.peek(), Some(&"super" | &"self"));
    if !relative {
        return path.to_owned();
    }
    let mut level = module.len() + inline;
    let mut rest = Vec::new();
    for segment in segments {
        match segment {
            "super" => level = level.saturating_sub(1),
            "self" => {}
            _ => rest.push(segment),
        }
    }
    let above = module.iter().map(String::as_str).chain(std::iter::repeat("?")).take(level);
    std::iter::once("crate").chain(above).chain(rest).collect::<Vec<_>>().join("::")
}

struct Reader {
    tokens: Vec<(Token, usize)>,
    at: usize,
    used: Vec<Used>,
}

impl Reader {
    fn is_mark(&self, at: usize, mark: char) -> bool {
        matches!(self.tokens.get(at), Some((Token::Mark(m), _)) if *m == mark)
    }

    /// Reads a path, and the tree that a `use` may end it with.
    fn tree(&mut self, before: &str, single: bool) {
        let mut path = before.to_owned();
        let mut segments = before.split("::").filter(|s| !s.is_empty()).count();
        let mut line = self.tokens.get(self.at).map_or(0, |(_, line)| *line);
        loop {
            match self.tokens.get(self.at) {
                Some((Token::Colons, _)) => self.at += 1,
                Some((Token::Word(word), at)) => {
                    if segments == 0 || !before.is_empty() && path == before {
                        line = *at;
                    }
                    if segments > 0 {
                        path.push_str("::");
                    }
                    path.push_str(word);
                    segments += 1;
                    self.at += 1;
                    if !matches!(self.tokens.get(self.at), Some((Token::Colons, _))) {
                        break;
                    }
                }
                Some((Token::Mark('{'), _)) if single => return self.group(&path),
                _ => break,
            }
        }
        if single && matches!(self.tokens.get(self.at), Some((Token::Word(word), _)) if word == "as") {
            self.at += 2;
        }
        if segments > 1 || single && segments == 1 {
            self.used.push(Used { path, line });
        }
    }

    fn group(&mut self, path: &str) {
        self.at += 1;
        while let Some((token, _)) = self.tokens.get(self.at) {
            match token {
                Token::Mark('}') => {
                    self.at += 1;
                    return;
                }
                Token::Mark(_) => self.at += 1,
                _ => self.tree(path, true),
            }
        }
    }
}

/// The words and marks of a source with their lines; comments and literals left out.
fn tokens(source: &str) -> Vec<(Token, usize)> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(c) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let length = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => string(rest),
            'r' | 'b' | 'c' if literal_prefix(rest).is_some() => literal_prefix(rest).unwrap_or(1),
            '\'' => character(rest),
            ':' if rest.starts_with("::") => {
                tokens.push((Token::Colons, line));
                2
            }
            _ if word > 0 => {
                tokens.push((Token::Word(rest.get(..word).unwrap_or_default().to_owned()), line));
                word
            }
            _ => {
                if !c.is_whitespace() {
                    tokens.push((Token::Mark(c), line));
                }
                c.len_utf8()
            }
        };
        let (taken, left) = rest.split_at(length.clamp(1, rest.len()));
        line += taken.matches('\n').count();
        rest = left;
    }
    tokens
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|r| !r.is_empty()) {
        if rest.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of a string literal that begins here.
fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a literal such as `r#"…"#`, `b"…"` or `b'x'` that begins here, if one does.
fn literal_prefix(text: &str) -> Option<usize> {
    let letters = text.find(|c: char| !matches!(c, 'r' | 'b' | 'c')).filter(|n| *n <= 2)?;
    let after = text.get(letters..)?;
    let raw = text.get(..letters)?.ends_with('r');
    let hashes = after.len() - after.trim_start_matches('#').len();
    match after.get(hashes..)?.chars().next()? {
        '"' if raw => {
            let close = format!("\"{}", "#".repeat(hashes));
            let body = after.get(hashes + 1..)?;
            Some(letters + hashes + 1 + body.find(&close).map_or(body.len(), |n| n + close.len()))
        }
        '"' if hashes == 0 => Some(letters + string(after)),
        '\'' if hashes == 0 && text.starts_with("b'") => Some(1 + character(after)),
        _ => None,
    }
}

/// The length of a character literal that begins here, or 1 for the tick of a lifetime.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => {
            chars.next();
            chars.find(|(_, c)| *c == '\'').map_or(text.len(), |(at, _)| at + 1)
        }
        Some(_) => chars.next().filter(|(_, c)| *c == '\'').map_or(1, |(at, _)| at + 1),
        None => 1,
    }
}
