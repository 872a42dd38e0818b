use proptest::prelude::*;

use super::walk::{Mark, StepRecord, StepState, Walk};
use super::*;
use crate::model::alert::Evidence;
use crate::model::probe::{Finding, Verdict};
use chrono::{DateTime, Duration, Utc};

fn read(markdown: &str) -> Runbook {
    parse("own", RunbookOrigin::File("s3://lake/runbooks/own.md".into()), markdown)
}

fn outline(runbook: &Runbook) -> Vec<String> {
    let line = |step: &Step| {
        let directive = step.directive.map(|d| format!(" [{}]", d.does())).unwrap_or_default();
        let branch = if step.branch { "?" } else { "" };
        format!("{}{branch} {}{directive} {}c {}t", step.number, step.title, step.commands.len(), step.text.len())
    };
    runbook.steps.iter().map(line).collect()
}

#[test]
fn a_wiki_page_is_a_checklist() {
    let runbook = read(include_str!("../../../tests/it/runbooks/oncall-wiki.md"));
    assert_eq!(runbook.title, "Orders pipeline is late");
    assert_eq!(
        outline(&runbook),
        [
            "1 Diagnosis 0c 0t",
            "1.1 Check whether the job is running 1c 0t",
            "1.2 Look at the driver log for OutOfMemoryError. 0c 1t",
            "2 Mitigation 0c 0t",
            "2.1 Kick the job by hand 1c 0t",
            "2.2? If the source is down 0c 0t",
            "2.2.1 Open a ticket with the shop team 0c 0t",
            "2.2.2 Mute the alert for an hour 0c 0t",
            "2.3 Tell #data-eng what was done. 0c 0t",
        ]
    );
    assert_eq!(runbook.prevention, ["Alert on the source's own lag, too."]);
    assert!(runbook.problems.is_empty(), "{:?}", runbook.problems);
}

#[test]
fn headings_that_are_steps_and_lists_of_points_and_boxes_are_read() {
    let headings = read(include_str!("../../../tests/it/runbooks/numbered-headings.md"));
    assert_eq!(headings.title, "Restore a partition");
    assert_eq!(
        outline(&headings),
        [
            "1 Find the version to restore 1c 1t",
            "2 Copy it back 1c 0t",
            "2.1 Use the same key 0c 0t",
            "2.2 Do not delete the newer one 0c 0t",
            "3 Verify 0c 0t",
            "3.1 Count the rows. 0c 0t",
            "3.2 Ask the consumers. 0c 0t",
        ]
    );
    let boxes = read(include_str!("../../../tests/it/runbooks/checklist.md"));
    assert_eq!(
        outline(&boxes),
        [
            "1 Silence the alert in PagerDuty 0c 0t",
            "2 Write down what you know 0c 0t",
            "3 Breathe 0c 0t",
            "4 Call the next person (rota) 0c 0t",
        ]
    );
    let commands = read(include_str!("../../../tests/it/runbooks/commands-only.md"));
    assert_eq!(outline(&commands), ["1 Restart the consumer 1c 0t", "2 Reset the offset 1c 0t"]);
    assert_eq!(commands.symptoms, ["Lag grows and nothing is committed."]);
    assert_eq!(commands.steps[0].commands[0].text, "kubectl rollout restart deploy/consumer");
}

#[test]
fn what_a_binding_or_a_directive_gets_wrong_is_told_and_the_rest_is_read() {
    let runbook = read(
        "---\ncategory: network\nlayers: [gold, platinum]\ndatasets: crm/*\n---\n# T\n## Steps\n1. One\n   <!-- lakeward: look stars -->\n\
         2. Two\n   <!-- another tool's -->\n3. Three <!-- lakeward: do redrive -->\n",
    );
    assert_eq!(runbook.binding.categories, [FailureCategory::Network]);
    assert_eq!(runbook.binding.layers, [Layer::Gold]);
    assert_eq!(runbook.binding.datasets, ["crm/*"]);
    assert_eq!(runbook.steps.len(), 3);
    assert_eq!(runbook.steps[2].directive, Some(Directive::Do(Action::Redrive)));
    assert_eq!(runbook.problems.len(), 2, "{:?}", runbook.problems);
    assert!(runbook.problems[0].contains("platinum") && runbook.problems[1].contains("stars"));
    let broken = read("---\n: [\n---\n1. One\n");
    assert_eq!((broken.steps.len(), broken.problems.len()), (1, 1), "{broken:?}");
}

#[test]
fn the_narrowest_binding_wins_and_a_teams_own_goes_before_ours() {
    let bound =
        |id: &str, origin: RunbookOrigin, front: &str| parse(id, origin, &format!("---\n{front}\n---\n1. One\n"));
    let own = || RunbookOrigin::File("f".into());
    let all = [
        bound("unbound", own(), "title: x"),
        bound("layer", own(), "layer: silver"),
        bound("ours", RunbookOrigin::BuiltIn, "category: network"),
        bound("category", own(), "category: network"),
        bound("crm", own(), "dataset: crm/*"),
        bound("other", own(), "dataset: crm/*\ncategory: data_quality"),
        bound("job", own(), "job: nightly-*-load"),
    ];
    let subject = Subject {
        category: FailureCategory::Network,
        layer: Some(Layer::Silver),
        dataset: "crm/contacts",
        job: Some("nightly-crm-load"),
        rule: Some("dlq_rows"),
    };
    let found: Vec<(&str, String)> = best(&all, &subject).into_iter().map(|(r, fit)| (&*r.id.0, fit.why)).collect();
    assert_eq!(
        found,
        [
            ("crm", "dataset crm/contacts".to_owned()),
            ("job", "job nightly-crm-load".to_owned()),
            ("category", "category network".to_owned()),
            ("ours", "category network".to_owned()),
            ("layer", "layer silver".to_owned()),
        ]
    );
}

#[test]
fn variables_are_filled_and_what_is_missing_is_named() {
    let mut variables = Variables::default();
    variables.set("dataset", "crm/contacts");
    variables.set("date", "2026-11-22");
    variables.set("bucket", "acme; rm -rf /");
    for (text, filled, missing) in [
        ("run {dataset} {{ date }} $DATE ${DATASET}", "run crm/contacts 2026-11-22 2026-11-22 crm/contacts", vec![]),
        ("x <dataset-name> <table> <run id>", "x crm/contacts crm/contacts <run id>", vec!["run"]),
        ("echo $HOME ${PATH} {\"a\": 1} {a,b} <<EOF", "echo $HOME ${PATH} {\"a\": 1} {a,b} <<EOF", vec![]),
        ("{{ticket}} <vpc-id> {job} {job}", "{{ticket}} <vpc-id> {job} {job}", vec!["ticket", "vpc_id", "job"]),
        // Nothing that lies on the lake is ever a command.
        ("aws s3 ls s3://$BUCKET", "aws s3 ls s3://$BUCKET", vec!["bucket"]),
    ] {
        let got = variables.fill_command(text);
        assert_eq!(
            (got.text.as_str(), got.missing),
            (filled, missing.into_iter().map(str::to_owned).collect()),
            "{text}"
        );
    }
    assert_eq!(variables.fill("in {bucket}").text, "in acme; rm -rf /");
}

fn at(minute: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::days(20_000) + Duration::minutes(minute)
}

fn found(verdict: Verdict, minute: i64) -> StepRecord {
    found_of(verdict, minute, minute)
}

fn finding(minute: i64) -> Finding {
    match found(Verdict::Pass, minute) {
        StepRecord::Probed(finding) => finding,
        other => panic!("{other:?}"),
    }
}

/// What was found, resting on something of another time.
fn found_of(verdict: Verdict, minute: i64, observed: i64) -> StepRecord {
    let evidence = Evidence { uri: "s3://l/dq.json".into(), observed_at: at(observed), detail: "14 checks".into() };
    let (summary, evidence) = ("2 of 14 failed".into(), vec![evidence]);
    StepRecord::Probed(Finding { probe: Probe::Quality, verdict, summary, evidence, at: at(minute) })
}

fn marked(mark: Mark) -> StepRecord {
    StepRecord::Marked { mark, reason: None, at: at(0), by: "ana".into() }
}

const WALKED: &str = "## Recovery\n1. Look\n   <!-- lakeward: look quality -->\n2. If upstream:\n   1. Tell them\n3. Mend\n   \
                      <!-- lakeward: do redrive -->\n4. Check\n   <!-- lakeward: check quality -->\n";

#[test]
fn a_walk_goes_on_by_evidence_and_stops_at_what_is_not_shown() {
    let runbook = read(WALKED);
    let mut walk = Walk::default();
    let step = |n: &str| runbook.step(&n.parse().unwrap()).unwrap();
    let current = |walk: &Walk| walk.current(&runbook).map(|s| s.number.to_string());
    let may = |walk: &Walk, n: &str, mark, why| walk.may(&runbook, step(n), mark, why);
    assert_eq!(current(&walk).as_deref(), Some("1"));
    assert!(may(&walk, "1", Mark::Done, None).unwrap_err().contains("look at it first"));
    walk.record("1".parse().unwrap(), found(Verdict::Fail, 1));
    // What was looked at may be bad: it was seen.
    assert_eq!(may(&walk, "1", Mark::Done, None), Ok(()));
    walk.record("1".parse().unwrap(), marked(Mark::Done));
    assert_eq!(current(&walk).as_deref(), Some("2"));
    assert!(may(&walk, "2", Mark::Done, None).is_err(), "a branch is said to apply, or not");
    assert!(may(&walk, "3", Mark::Applies, None).is_err());
    let mut other = walk.clone();
    other.record("2".parse().unwrap(), marked(Mark::DoesNotApply));
    assert_eq!((current(&other).as_deref(), other.state(&runbook, step("2.1"))), (Some("3"), StepState::Out));
    walk.record("2".parse().unwrap(), marked(Mark::Applies));
    assert_eq!((current(&walk).as_deref(), walk.state(&runbook, step("2"))), (Some("2.1"), StepState::Applies));
    walk.record("2.1".parse().unwrap(), marked(Mark::Done));
    assert_eq!((current(&walk).as_deref(), walk.state(&runbook, step("2"))), (Some("3"), StepState::Done));
    walk.record("4".parse().unwrap(), found(Verdict::Pass, 2));
    assert!(may(&walk, "3", Mark::Done, None).is_err());
    assert!(may(&walk, "3", Mark::Skipped, Some(" ")).is_err(), "a reason is words");
    let acted = |done, minute| StepRecord::Acted {
        action: Action::Redrive,
        done,
        detail: "run 7".into(),
        began: at(minute - 1),
        at: at(minute),
        by: "ana".into(),
    };
    walk.record("3".parse().unwrap(), acted(false, 3));
    assert!(may(&walk, "3", Mark::Done, None).unwrap_err().contains("run 7"));
    walk.record("3".parse().unwrap(), acted(true, 5));
    assert_eq!(may(&walk, "3", Mark::Done, None), Ok(()));
    walk.record("3".parse().unwrap(), marked(Mark::Done));
    // Green from before the recovery is no evidence of it.
    assert!(may(&walk, "4", Mark::Done, None).unwrap_err().contains("before the last action"));
    walk.record("4".parse().unwrap(), found(Verdict::NoEvidence, 6));
    assert!(may(&walk, "4", Mark::Done, None).unwrap_err().contains("no evidence"));
    assert_eq!(may(&walk, "4", Mark::Overridden, Some("gate is down, counted by hand")), Ok(()));
    walk.record("4".parse().unwrap(), found_of(Verdict::Pass, 7, 3));
    assert!(may(&walk, "4", Mark::Done, None).unwrap_err().contains("from before the data was mended"));
    // What came to be while it was being mended came of that.
    walk.record("4".parse().unwrap(), found_of(Verdict::Pass, 8, 4));
    assert_eq!(may(&walk, "4", Mark::Done, None), Ok(()));
    let mut forged = walk.clone();
    forged.record("4".parse().unwrap(), StepRecord::Probed(Finding { evidence: Vec::new(), ..finding(9) }));
    assert!(may(&forged, "4", Mark::Done, None).unwrap_err().contains("nothing is there"));
    walk.record("4".parse().unwrap(), marked(Mark::Done));
    assert_eq!((current(&walk), walk.progress(&runbook)), (None, (5, 5)));
    walk.record("1".parse().unwrap(), marked(Mark::Reopened));
    assert_eq!(current(&walk).as_deref(), Some("1"));
}

proptest! {
    #[test]
    fn any_text_is_a_runbook(text in "(\\PC|[\n `#*<>-]|1\\. |```|<!-- lakeward: ){0,80}") {
        let runbook = read(&text);
        let walk = Walk::default();
        for step in &runbook.steps {
            walk.state(&runbook, step);
            Variables::default().fill_command(&step.title);
        }
    }
}
