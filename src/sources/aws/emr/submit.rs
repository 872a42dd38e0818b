//! What a run was submitted with, read out of one line: the parameters of `spark-submit`. They are read as a shell
//! would split them; nothing is run.

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
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\'' | '"', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (letter, Some(open)) if letter == open => quote = None,
            // Within single quotes a backslash is itself.
            ('\\', None | Some('"')) => {
                let escaped = letters.next().unwrap_or('\\');
                let kept = quote.is_some() && !matches!(escaped, '"' | '\\' | '$' | '`');
                word.get_or_insert_default().extend(kept.then_some('\\').into_iter().chain([escaped]));
            }
            (letter, None) if letter.is_whitespace() => words.extend(word.take()),
            (letter, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// The settings of `spark-submit` parameters, in their order; options under the settings' names where they have one.
/// A setting that comes twice is there twice: the last one counts.
pub fn settings(parameters: &str) -> Vec<(String, String)> {
    let mut settings = Vec::new();
    let mut words = words(parameters).into_iter().peekable();
    while let Some(word) = words.next() {
        let (option, inline) = match word.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option.to_owned(), Some(value.to_owned())),
            _ => (word, None),
        };
        if !option.starts_with('-') {
            continue; // a value that nothing asks for
        }
        if inline.is_none() && FLAGS.contains(&option.as_str()) {
            settings.push((option, "true".to_owned()));
            continue;
        }
        let Some(value) = inline.or_else(|| words.next()) else { continue };
        if matches!(option.as_str(), "--conf" | "-c") {
            let (name, value) = value.split_once('=').unwrap_or((&value, ""));
            settings.push((name.trim().to_owned(), value.to_owned()));
        } else {
            let known = OPTIONS.into_iter().find(|(known, _)| *known == option).map(|(_, name)| name.to_owned());
            settings.push((known.unwrap_or(option), value));
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

    proptest! {
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
