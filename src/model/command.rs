//! A command that is a job of a local environment, as it is configured.

use chrono::NaiveDate;

use super::work::Variables;

/// The words of a command. It runs in the lake's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobCommand {
    /// The program and its arguments; `{date}` stands for the date of the data, `{dataset}` and `{entry}` for what is
    /// redriven or filled in.
    pub words: Vec<String>,
    /// Where it is written, with the line: one that a lake brings along was written by whoever wrote the lake.
    pub source: String,
}

impl JobCommand {
    /// The words for a date, or why there are none.
    pub fn of(&self, date: Option<NaiveDate>) -> Result<Vec<String>, String> {
        self.filled(&Variables::of_date(date))
    }

    /// The words with their variables filled, or why they cannot be.
    pub fn filled(&self, variables: &Variables) -> Result<Vec<String>, String> {
        self.words.iter().map(|word| variables.fill(word)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_filled_in_wherever_it_stands_and_is_not_made_up() {
        let command = |words: &[&str]| JobCommand {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            source: "lakeward.toml:3".into(),
        };
        let date = NaiveDate::from_ymd_opt(2026, 11, 25);
        let given = command(&["run.sh", "--from={date}", "{date}"]).of(date);
        assert_eq!(given, Ok(["run.sh", "--from=2026-11-25", "2026-11-25"].map(str::to_owned).to_vec()));
        assert!(command(&["run.sh", "{date}"]).of(None).is_err_and(|why| why.contains("--date")));
        assert_eq!(command(&["run.sh"]).of(None), Ok(vec!["run.sh".to_owned()]));
    }
}
