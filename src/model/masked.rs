//! Rule 5: secrets in the settings and arguments of jobs are not shown. A value is masked for what its name says, and
//! inside longer texts wherever `name=value` says it there.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Stands for a value that is not shown.
pub const MASK: &str = "***";

/// What a secret's name holds, in lower case. `key` masks too much (`merge.keys`) rather than too little.
const WORDS: [&str; 7] = ["secret", "password", "passwd", "pwd", "token", "key", "credential"];

/// `name=value` and `name: value` in a longer text; a value ends at a space or at what separates parameters.
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?xi) ( ["']? [\w.\-]* (?: secret | password | passwd | pwd | token | key | credential ) [\w.\-]* ["']? \s* [=:] \s* )
           ( "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' | [^\s&;,"'}\)]+ )"#,
    )
    .ok()
});

/// The password in an address: `jdbc:postgresql://user:PASSWORD@host/`.
static IN_ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(//[^/\s:@]*:)([^/\s@]+)@").ok());

/// Whether a name is that of a secret.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// A value as it may be shown, given its name.
pub fn value<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    if is_secret(name) && !value.is_empty() { Cow::Borrowed(MASK) } else { text(value) }
}

/// A longer text without the secrets that it names.
pub fn text(text: &str) -> Cow<'_, str> {
    let (Some(named), Some(in_address)) = (NAMED.as_ref(), IN_ADDRESS.as_ref()) else { return Cow::Borrowed(MASK) };
    let masked = in_address.replace_all(text, |found: &Captures<'_>| format!("{}{MASK}@", &found[1]));
    match named.replace_all(&masked, |found: &Captures<'_>| format!("{}{MASK}", &found[1])) {
        Cow::Borrowed(_) => masked,
        Cow::Owned(both) => Cow::Owned(both),
    }
}

/// Arguments as they may be shown: `--password x`, `--password=x`, and secrets inside one argument.
pub fn arguments<S: AsRef<str>>(arguments: &[S]) -> Vec<String> {
    let mut named = false;
    let mut shown = Vec::with_capacity(arguments.len());
    for argument in arguments.iter().map(AsRef::as_ref) {
        let is_option = argument.starts_with('-');
        // A flag that takes no value (`--use-key --date x`) is followed by another one.
        let masked = if named && !argument.starts_with("--") { Cow::Borrowed(MASK) } else { text(argument) };
        shown.push(masked.into_owned());
        named = is_option && !argument.contains('=') && is_secret(argument);
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_secret_is_masked_wherever_it_is_named() {
        for (name, given, shown) in [
            ("spark.executor.memory", "4g", "4g"),
            ("spark.hadoop.fs.s3a.secret.key", "abc", "***"),
            ("spark.ACCESS_TOKEN", "abc", "***"),
            ("spark.password", "", ""),
            ("spark.driver.extraJavaOptions", "-Xmx1g -Ddb.password=abc -Dx=y", "-Xmx1g -Ddb.password=*** -Dx=y"),
            (
                "spark.url",
                "jdbc:postgresql://u:abc@h/db?token=abc&ssl=1",
                "jdbc:postgresql://u:***@h/db?token=***&ssl=1",
            ),
            ("spark.json", r#"{"apiKey": "a b\"c", "n": 1}"#, r#"{"apiKey": ***, "n": 1}"#),
            ("spark.place", "s3://bucket/tokens/x", "s3://bucket/tokens/x"),
        ] {
            assert_eq!(value(name, given), shown, "{name}");
        }
    }

    #[test]
    fn arguments_are_masked_by_the_option_before_them() {
        let given = ["main.py", "--password", "abc", "--db-token=abc", "--use-key", "--date", "2026-11-22", "pwd:abc"];
        let shown = ["main.py", "--password", "***", "--db-token=***", "--use-key", "--date", "2026-11-22", "pwd:***"];
        assert_eq!(arguments(&given), shown);
        assert_eq!(arguments(&["--secret", "-abc"]), ["--secret", "***"], "a value that looks like an option");
    }

    proptest! {
        #[test]
        fn a_named_secret_never_shows(before in "[a-z ]{0,9}", name in "[a-z._-]{0,6}(secret|Password|TOKEN|key)", after in "[ &;]x=y") {
            let given = format!("{before} {name}=ZZZZ{after}");
            prop_assert!(!text(&given).contains("ZZZZ"));
        }
    }
}
