//! What a shell and `man` ask for: completions and the manual page, from the definition of the command line itself.

use clap::CommandFactory;
use clap_complete::Shell;

use super::args::Cli;
use super::exit::CliError;
use super::output::Answer;

/// The completions of a shell.
pub fn completions(shell: Shell) -> Result<Answer, CliError> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "lakeward", &mut out);
    text(out)
}

/// The manual page: the program, and each of its commands in a section of its own.
pub fn manual() -> Result<Answer, CliError> {
    let mut out = Vec::new();
    let failed = |e: std::io::Error| CliError::Failed { message: format!("the manual page: {e}"), hint: None };
    let command = Cli::command();
    clap_mangen::Man::new(command.clone()).render(&mut out).map_err(failed)?;
    let mut left: Vec<(String, clap::Command)> =
        command.get_subcommands().map(|sub| (sub.get_name().to_owned(), sub.clone())).collect();
    left.reverse();
    while let Some((name, sub)) = left.pop() {
        out.extend_from_slice(format!(".SH \"LAKEWARD {}\"\n", name.to_uppercase()).as_bytes());
        let page = clap_mangen::Man::new(sub.clone());
        page.render_description_section(&mut out).map_err(failed)?;
        page.render_options_section(&mut out).map_err(failed)?;
        let below: Vec<_> =
            sub.get_subcommands().map(|below| (format!("{name} {}", below.get_name()), below.clone())).collect();
        left.extend(below.into_iter().rev());
    }
    text(out)
}

fn text(bytes: Vec<u8>) -> Result<Answer, CliError> {
    let text = String::from_utf8(bytes).map_err(|e| CliError::Failed { message: e.to_string(), hint: None })?;
    Ok(Answer::fine(text))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn completions_and_the_manual_know_every_command() {
        let names: Vec<String> = Cli::command().get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
        let manual = manual().unwrap().text;
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let completions = completions(shell).unwrap().text;
            for name in &names {
                assert!(completions.contains(name.as_str()), "{shell}: {name}");
            }
        }
        for name in names.iter().map(|name| name.to_uppercase()) {
            assert!(manual.contains(&format!("LAKEWARD {name}")), "{name}");
        }
        // What stands below a command is there as well.
        assert!(manual.contains("LAKEWARD QUARANTINE RELEASE") && manual.contains("LAKEWARD INCIDENT HANDOVER"));
    }
}
