//! Templates of notices: text with `{dataset}` where a field goes. Judged when it is read, so that sending cannot
//! fail on it; what goes in is escaped, what the template says itself is left alone.

use std::borrow::Cow;

use super::notice::Notice;

/// The text that is sent where no template is configured and one line is enough.
pub const LINE: &str = "{summary}";

/// The same where there is room.
pub const LINES: &str = "{summary}\n\
    lake: {lake}\npath: {path}\nreason: {reason}\nnote: {note}\nalerts: {alert_keys}\nmove: {move_id}, {at}";

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A name that is no field.
    #[error("unknown placeholder `{{{0}}}`")]
    Unknown(String),
    /// A `{` without its end.
    #[error("a `{{` without its `}}`")]
    Open,
    /// A `}` without its beginning.
    #[error("a `}}` without its `{{`")]
    Close,
}

impl TemplateError {
    /// What would be right, for error messages.
    pub fn allowed() -> String {
        let names: Vec<_> = Notice::FIELDS.iter().map(|name| format!("{{{name}}}")).collect();
        format!("{}; {{{{ and }}}} for a brace", names.join(", "))
    }
}

/// For whom the values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Markup {
    /// Nothing in them has a meaning.
    Plain,
    /// Slack's markup and that of its kin: a value can neither mention people nor make a link.
    Slack,
}

impl Markup {
    fn guard(self, value: &str) -> Cow<'_, str> {
        match self {
            Self::Plain => Cow::Borrowed(value),
            Self::Slack => Cow::Owned(without_markup(value)),
        }
    }
}

/// `<!channel>` and links are markup with Slack, `@channel` and `[text](address)` with the services that imitate
/// it. An `@` inside an address of mail stays: nobody is mentioned by it.
fn without_markup(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut before = ' ';
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' if !before.is_alphanumeric() => out.push('\u{ff20}'),
            '(' if before == ']' => out.push_str(" ("),
            c => out.push(c),
        }
        before = c;
    }
    out
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(&'static str),
}

/// A template that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(at);
            literal.push_str(before);
            if let Some(after) = brace.strip_prefix("{{") {
                literal.push('{');
                rest = after;
            } else if let Some(after) = brace.strip_prefix("}}") {
                literal.push('}');
                rest = after;
            } else if let Some(after) = brace.strip_prefix('{') {
                let (name, after) = after.split_once('}').ok_or(TemplateError::Open)?;
                let known = Notice::FIELDS.into_iter().find(|known| *known == name.trim());
                parts.push(Part::Text(std::mem::take(&mut literal)));
                parts.push(Part::Field(known.ok_or_else(|| TemplateError::Unknown(name.to_owned()))?));
                rest = after;
            } else {
                return Err(TemplateError::Close);
            }
        }
        parts.push(Part::Text(literal + rest));
        Ok(Self(parts))
    }

    /// The text of a notice.
    pub fn fill(&self, notice: &Notice, markup: Markup) -> String {
        let fields = notice.fields();
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Field(name) => {
                    let value = fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value);
                    out.push_str(&markup.guard(value));
                }
            }
        }
        out
    }
}

/// The text of a notice by a template that is used once.
pub fn render(template: &str, notice: &Notice) -> Result<String, TemplateError> {
    Ok(Template::parse(template)?.fill(notice, Markup::Plain))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::dataset::Dataset;
    use crate::model::notice::tests::quarantined;

    #[test]
    fn fields_go_where_they_are_named() {
        for (template, text) in [
            ("", ""),
            ("no field", "no field"),
            ("{dataset}", "crm/contacts"),
            ("{ dataset }/{date}", "crm/contacts/2024-01-15"),
            ("{{{kind}}}", "{quarantine}"),
            ("{{dataset}} {objects}", "{dataset} 3"),
            ("a\nb {actor}: {note}", "a\nb ana: vendor sends text"),
            ("{bytes} {rows} {at}", "42,113 1 2024-01-15T06:26:40.000Z"),
        ] {
            assert_eq!(render(template, &quarantined()).unwrap(), text, "{template}");
        }
        let lines = render(LINES, &quarantined()).unwrap();
        assert_eq!(lines.lines().count(), 7, "{lines}");
        assert!(lines.starts_with(&render(LINE, &quarantined()).unwrap()), "{lines}");
    }

    #[test]
    fn a_fault_is_named_with_what_is_allowed() {
        for (template, fault) in [
            ("{datset}", "unknown placeholder `{datset}`"),
            ("{}", "unknown placeholder `{}`"),
            ("{a{dataset}", "unknown placeholder `{a{dataset}`"),
            ("x {dataset", "a `{` without its `}`"),
            ("x } y", "a `}` without its `{`"),
        ] {
            assert_eq!(Template::parse(template).unwrap_err().to_string(), fault, "{template}");
        }
        let allowed = TemplateError::allowed();
        assert!(Notice::FIELDS.iter().all(|name| allowed.contains(&format!("{{{name}}}"))), "{allowed}");
    }

    #[test]
    fn values_act_on_nothing_and_the_template_may() {
        let notice =
            Notice { dataset: Dataset("<!channel> @here a@b.c [x](http://y) {lake}\x1b".into()), ..quarantined() };
        let template = Template::parse("<!here> {dataset}").unwrap();
        assert_eq!(
            template.fill(&notice, Markup::Slack),
            "<!here> &lt;!channel&gt; \u{ff20}here a@b.c [x] (http://y) {lake}\\x1b"
        );
        assert_eq!(template.fill(&notice, Markup::Plain), "<!here> <!channel> @here a@b.c [x](http://y) {lake}\\x1b");
    }

    proptest! {
        #[test]
        fn any_template_is_read_or_refused(text in "[{}a-z ]{0,30}") {
            if let Ok(template) = Template::parse(&text) {
                template.fill(&quarantined(), Markup::Slack);
            }
        }

        #[test]
        fn doubled_braces_are_literal(text in "[{}a-z ]{0,30}") {
            let doubled = text.replace('{', "{{").replace('}', "}}");
            prop_assert_eq!(render(&doubled, &quarantined()).unwrap(), text);
        }
    }
}
