//! What a run was submitted with, read out of one line: the parameters of `spark-submit`. They are read as a shell
//! would split them, and written so; nothing is run.

use std::ops::Range;

/// Options of `spark-submit` and the settings that they stand for:
/// <https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-spark.html>.
const OPTIONS: [(&str, &str); 10] = [
    ("--driver-memory", "spark.driver.memory"),
    ("--driver-cores", "spark.driver.cores"),
    ("--driver-java-options", "spark.driver.extraJavaOptions"),
    ("--executor-memory", "spark.executor.memory"),
    ("--executor-cores", "spark.executor.cores"),
    ("--num-executors", "spark.executor.instances"),
    ("--jars", "spark.jars"),
    ("--packages", "spark.jars.packages"),
    ("--files", "spark.files"),
    ("--py-files", "spark.submit.pyFiles"),
];

/// Options that take no value.
const FLAGS: [&str; 3] = ["--verbose", "-v", "--supervise"];

/// Splits a line at spaces outside of quotes. A quote that is never closed reaches to the end.
pub fn words(line: &str) -> Vec<String> {
    placed(line).into_iter().map(|(_, word)| word).collect()
}

/// The words, and which bytes of the line each one is.
fn placed(line: &str) -> Vec<(Range<usize>, String)> {
    let mut words = Vec::new();
    let mut word: Option<(usize, String)> = None;
    let mut quote = None;
    let mut letters = line.char_indices();
    while let Some((at, letter)) = letters.next() {
        let open = |word: &mut Option<(usize, String)>| {
            word.get_or_insert((at, String::new()));
        };
        match (letter, quote) {
            ('\'' | '"', None) => {
                quote = Some(letter);
                open(&mut word);
            }
            (letter, Some(open)) if letter == open => quote = None,
            // Within single quotes a backslash is itself.
            ('\\', None | Some('"')) => {
                let escaped = letters.next().map_or('\\', |(_, letter)| letter);
                let kept = quote.is_some() && !matches!(escaped, '"' | '\\' | '$' | '`');
                open(&mut word);
                if let Some((_, word)) = &mut word {
                    word.extend(kept.then_some('\\').into_iter().chain([escaped]));
                }
            }
            (letter, None) if letter.is_whitespace() => {
                words.extend(word.take().map(|(from, word)| (from..at, word)));
            }
            (letter, _) => {
                open(&mut word);
                if let Some((_, word)) = &mut word {
                    word.push(letter);
                }
            }
        }
    }
    words.extend(word.map(|(from, word)| (from..line.len(), word)));
    words
}

/// A word as a line holds it: in quotes where it would be none without them.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-*".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let mut quoted = String::from("\"");
    for letter in word.chars() {
        if matches!(letter, '"' | '\\' | '$' | '`') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted + "\""
}

/// The same parameters with a setting of another value, wherever it stands, or at the end where it does not. All other
/// bytes of the line stay as they are.
pub fn with(parameters: &str, name: &str, value: &str) -> String {
    let edited = replaced(parameters, name, value);
    let reads = settings(&edited).iter().rev().find(|(n, _)| n == name).is_some_and(|(_, v)| v == value);
    if reads {
        return edited;
    }
    // A quote that is never closed, or an option without its value, takes in what comes behind it.
    let mut words: Vec<String> = words(parameters).iter().map(|word| quoted(word)).collect();
    while words.last().is_some_and(|word| takes_a_value(word)) {
        words.pop();
    }
    replaced(&words.join(" "), name, value)
}

fn takes_a_value(word: &str) -> bool {
    word.starts_with('-') && !word.contains('=') && !FLAGS.contains(&word)
}

fn replaced(parameters: &str, name: &str, value: &str) -> String {
    let mut edited = String::with_capacity(parameters.len() + name.len() + value.len() + 10);
    let mut copied = 0;
    let mut found = false;
    for given in given(parameters).into_iter().filter(|given| given.name == name) {
        found = true;
        edited.push_str(parameters.get(copied..given.at.start).unwrap_or_default());
        edited.push_str(&quoted(&format!("{}{value}", given.before)));
        copied = given.at.end;
    }
    edited.push_str(parameters.get(copied..).unwrap_or_default());
    if !found {
        let space = if edited.is_empty() || edited.ends_with(char::is_whitespace) { "" } else { " " };
        edited.push_str(&format!("{space}--conf {}", quoted(&format!("{name}={value}"))));
    }
    edited
}

/// The settings of `spark-submit` parameters, in their order; options under the settings' names where they have one.
/// A setting that comes twice is there twice: the last one counts.
pub fn settings(parameters: &str) -> Vec<(String, String)> {
    given(parameters).into_iter().map(|given| (given.name, given.value)).collect()
}

/// A setting where it stands.
struct Given {
    name: String,
    value: String,
    /// The bytes of the word that holds the value.
    at: Range<usize>,
    /// What stands before the value in that word.
    before: String,
}

fn given(parameters: &str) -> Vec<Given> {
    let mut settings = Vec::new();
    let mut words = placed(parameters).into_iter().peekable();
    while let Some((at, word)) = words.next() {
        let (option, inline) = match word.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option.to_owned(), Some(value.to_owned())),
            _ => (word, None),
        };
        if !option.starts_with('-') {
            continue; // a value that nothing asks for
        }
        if inline.is_none() && FLAGS.contains(&option.as_str()) {
            settings.push(Given { name: option.clone(), value: "true".to_owned(), at, before: option });
            continue;
        }
        let (at, before, value) = match inline {
            Some(value) => (at, format!("{option}="), value),
            None => match words.next() {
                Some((at, value)) => (at, String::new(), value),
                None => continue,
            },
        };
        if matches!(option.as_str(), "--conf" | "-c") {
            let (name, value) = value.split_once('=').unwrap_or((&value, ""));
            let before = format!("{before}{name}=");
            settings.push(Given { name: name.trim().to_owned(), value: value.to_owned(), at, before });
        } else {
            let known = OPTIONS.into_iter().find(|(known, _)| *known == option).map(|(_, name)| name.to_owned());
            settings.push(Given { name: known.unwrap_or(option), value, at, before });
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(given: &[(&str, &str)]) -> Vec<(String, String)> {
        given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn words_are_split_as_a_shell_does() {
        for (line, split) in [
            ("", vec![]),
            ("  a\t b\nc ", vec!["a", "b", "c"]),
            ("'a b' \"c d\" e'f g'h", vec!["a b", "c d", "ef gh"]),
            (r#""say \"hi\" \n" 'C:\x' a\ b"#, vec![r#"say "hi" \n"#, r"C:\x", "a b"]),
            ("'' \"\"", vec!["", ""]),
            ("'never closed", vec!["never closed"]),
            (r"end\", vec![r"end\"]),
        ] {
            assert_eq!(words(line), split, "{line}");
        }
    }

    #[test]
    fn parameters_are_settings() {
        let given = "--class com.acme.Main --conf spark.executor.memory=4g -c spark.a=b=c --conf=spark.x=y \
                     --conf \"spark.driver.extraJavaOptions=-Dx=1 -Dy='2 3'\" --driver-memory 2g --jars=s3://b/a.jar \
                     --verbose stray --conf spark.empty --conf";
        assert_eq!(
            settings(given),
            pairs(&[
                ("--class", "com.acme.Main"),
                ("spark.executor.memory", "4g"),
                ("spark.a", "b=c"),
                ("spark.x", "y"),
                ("spark.driver.extraJavaOptions", "-Dx=1 -Dy='2 3'"),
                ("spark.driver.memory", "2g"),
                ("spark.jars", "s3://b/a.jar"),
                ("--verbose", "true"),
                ("spark.empty", ""),
            ])
        );
    }

    #[test]
    fn a_setting_is_changed_where_it_stands() {
        let jars = "--jars 's3://b/a b.jar' ";
        for (line, name, value, edited) in [
            ("", "spark.executor.memory", "8g", "--conf spark.executor.memory=8g"),
            ("--conf a=1 --conf spark.x=2 ", "spark.x", "3", "--conf a=1 --conf spark.x=3 "),
            ("--conf=spark.x=2 -c spark.x=4", "spark.x", "3", "--conf=spark.x=3 -c spark.x=3"),
            ("--driver-memory 2g", "spark.driver.memory", "4g", "--driver-memory 4g"),
            ("--driver-memory=2g", "spark.driver.memory", "4g", "--driver-memory=4g"),
            ("--conf \"spark.o=-Da=1 -Db=2\"", "spark.o", "-Da='x y'", "--conf \"spark.o=-Da='x y'\""),
            ("--conf spark.a=1", "spark.b", "c d", "--conf spark.a=1 --conf \"spark.b=c d\""),
            ("--conf 'spark.a=1", "spark.b", "2", "--conf spark.a=1 --conf spark.b=2"),
            ("--conf spark.a=1 --conf", "spark.b", "2", "--conf spark.a=1 --conf spark.b=2"),
        ] {
            assert_eq!(with(line, name, value), edited, "{line}");
            let (line, edited) = (format!("{jars}{line}"), format!("{jars}{edited}"));
            if !line.contains("'spark") && !line.ends_with("--conf") {
                assert_eq!(with(&line, name, value), edited, "the rest stays as it is");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_set_is_read_back_and_nothing_else_changes(
            line in "(--conf spark\\.[a-d]=[a-z0-9]{0,4} |--driver-memory [0-9]g |--jars [a-z]{1,4} |'[^']{0,5}' |--verbose ){0,5}",
            name in "spark\\.[a-f]",
            value in "[^\\x00]{0,12}",
        ) {
            let edited = with(&line, &name, &value);
            let (before, after) = (settings(&line), settings(&edited));
            prop_assert_eq!(after.iter().rev().find(|(n, _)| *n == name).map(|(_, v)| v), Some(&value));
            let others = |all: &[(String, String)]| all.iter().filter(|(n, _)| *n != name).cloned().collect::<Vec<_>>();
            prop_assert_eq!(others(&before), others(&after));
        }

        #[test]
        fn any_line_can_be_edited(line in "(\\PC|[ '\"\\\\=-]|--conf ){0,60}") {
            let edited = with(&line, "spark.new.setting", "8g");
            let read = settings(&edited);
            prop_assert_eq!(read.last(), Some(&("spark.new.setting".to_owned(), "8g".to_owned())));
        }

        #[test]
        fn a_word_is_read_back_from_its_quotes(word in "\\PC{0,20}") {
            prop_assert_eq!(words(&quoted(&word)), [word]);
        }

        #[test]
        fn any_line_is_read(line in "(\\PC|[ '\"\\\\=-]|--conf ){0,60}") {
            settings(&line);
        }

        #[test]
        fn a_quoted_word_is_read_back(word in "[^']{0,20}") {
            prop_assert_eq!(words(&format!("'{word}'")), [word]);
        }
    }
}
