//! The five failure categories of the runbook, and the ordered rules that tell them apart. Rules are data:
//! an environment may put its own before ours.

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::named::head;
use super::reason::ErrorReason;

/// The runbook's failure categories; what matches no rule is [`FailureCategory::Unknown`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCategory {
    /// Runbook, category 1.
    DataQuality,
    /// Runbook, category 2.
    SchemaEvolution,
    /// Runbook, category 3.
    UpstreamSource,
    /// Runbook, category 4.
    ResourceExhaustion,
    /// Runbook, category 5.
    Network,
    /// No rule matched.
    Unknown,
}

impl FailureCategory {
    /// The word used in JSON and configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::DataQuality => "data_quality",
            Self::SchemaEvolution => "schema_evolution",
            Self::UpstreamSource => "upstream_source",
            Self::ResourceExhaustion => "resource_exhaustion",
            Self::Network => "network",
            Self::Unknown => "unknown",
        }
    }

    /// The word that fits a column of a list.
    pub fn short(self) -> &'static str {
        match self {
            Self::DataQuality => "quality",
            Self::SchemaEvolution => "schema",
            Self::UpstreamSource => "upstream",
            Self::ResourceExhaustion => "resources",
            Self::Network => "network",
            Self::Unknown => "unknown",
        }
    }

    /// The category of a word as in JSON or as in a list, whatever its case; `-` may stand for `_`.
    pub fn from_word(word: &str) -> Option<Self> {
        let word = word.trim().to_ascii_lowercase().replace('-', "_");
        Self::ALL.into_iter().find(|c| c.word() == word || c.short() == word)
    }

    /// All of them, in the runbook's order.
    pub const ALL: [Self; 6] = [
        Self::DataQuality,
        Self::SchemaEvolution,
        Self::UpstreamSource,
        Self::ResourceExhaustion,
        Self::Network,
        Self::Unknown,
    ];
}

/// One rule: the first whose pattern is found in `"{error_type}\n{error_message}"` decides.
#[derive(Debug, Clone)]
pub struct CategoryRule {
    /// What to look for.
    pub pattern: Regex,
    /// What it means.
    pub category: FailureCategory,
}

/// Bytes that one compiled pattern may take: far above any sensible one, far below what hurts.
const PATTERN_BYTES: usize = 1 << 20;

/// Bytes of a type or message that are looked at.
const LOOKED_AT: usize = 64 * 1024;

impl CategoryRule {
    /// A rule of a pattern, which is matched without regard to case. `^` is the start of the error type.
    ///
    /// # Errors
    /// A pattern that is no regular expression, or one that compiles to more than 1 MiB.
    pub fn new(pattern: &str, category: FailureCategory) -> Result<Self, regex::Error> {
        let pattern = RegexBuilder::new(pattern).case_insensitive(true).size_limit(PATTERN_BYTES).build()?;
        Ok(Self { pattern, category })
    }
}

/// The rules that come with lakeward: the symptoms of the runbook's "Failure Categories" and the words that
/// pipelines, Spark and AWS write for them.
pub fn default_rules() -> Vec<CategoryRule> {
    // Compiled once: it takes longer than a frame may. A pattern of ours that is wrong is left out and fails a test.
    static COMPILED: LazyLock<Vec<CategoryRule>> = LazyLock::new(|| {
        DEFAULTS.iter().filter_map(|(category, pattern)| CategoryRule::new(pattern, *category).ok()).collect()
    });
    COMPILED.clone()
}

/// The category of an entry: that of the reason with the most rows for which any rule matches.
pub fn categorize(rules: &[CategoryRule], reasons: &[ErrorReason]) -> FailureCategory {
    let mut by_rows: Vec<&ErrorReason> = reasons.iter().collect();
    by_rows.sort_by_key(|r| std::cmp::Reverse(r.row_count.unwrap_or(0)));
    let of = |reason: &ErrorReason| {
        let part = |text: Option<&str>| head(text.unwrap_or_default(), LOOKED_AT).to_owned();
        let text = format!("{}\n{}", part(reason.error_type.as_deref()), part(reason.error_message.as_deref()));
        first_match(rules, &text)
    };
    by_rows.into_iter().find_map(of).unwrap_or(FailureCategory::Unknown)
}

/// The category of free text, a log line say, which names no error type.
pub fn categorize_text(rules: &[CategoryRule], text: &str) -> FailureCategory {
    // Where a rule asks for the start of the type there is nothing.
    let text = format!("\n{}", head(text, LOOKED_AT));
    first_match(rules, &text).unwrap_or(FailureCategory::Unknown)
}

fn first_match(rules: &[CategoryRule], text: &str) -> Option<FailureCategory> {
    rules.iter().find(|rule| rule.pattern.is_match(text)).map(|rule| rule.category)
}

/// In order: first what the writer itself calls the error (`^` is the start of its type), then signatures
/// that nothing else writes, then the wording of messages from the most telling to the vaguest.
const DEFAULTS: &[(FailureCategory, &str)] = {
    use FailureCategory::{DataQuality, Network, ResourceExhaustion, SchemaEvolution, UpstreamSource};
    &[
        // The error type.
        (SchemaEvolution, r"^schema|SchemaValidation|schema[ _-]?evolution"),
        (SchemaEvolution, r"^((column_)?type_mismatch|missing_(required_)?(field|column)s?)\b"),
        (DataQuality, r"^(data[ _-]?quality|dq|quality|expectations?|referential|duplicates?|null|range)(_|\b)"),
        (
            UpstreamSource,
            r"^(upstream|source_(system|api|data|unavailable|timeout)|(source_)?api_timeout|no_data)(_|\b)",
        ),
        (UpstreamSource, r"^(malformed|invalid_(data_)?format|parse|parsing|corrupt(ed)?)(_|\b)"),
        (ResourceExhaustion, r"^(resources?|oom|out_of_memory|memory|task_?timeout)(_|\b)"),
        (Network, r"^(network|connect(ion|ivity)|access_denied|secrets?_manager|dns|ssl|tls)(_|\b)"),
        // Signatures. Memory, then the time that Airflow and EMR give a task.
        (ResourceExhaustion, r"OutOfMemory|out of memory|\bOOM|java heap space|GC overhead limit|\bMemoryError\b"),
        (ResourceExhaustion, r"exit (code|status):? ?137\b|ExecutorLost|memoryOverhead|container killed|\bSIGKILL\b"),
        (ResourceExhaustion, r"no space left on device|maxResultSize|maximum ?capacity|memory (limit|error|exhausted)"),
        (
            ResourceExhaustion,
            r"AirflowTaskTimeout|execution[ _]?timeout|\b(tasks?|jobs?)\b[ -~]{0,60}\b(timed? ?out|timeout)",
        ),
        // The way to the lake and to its secrets; before "timeout", since Secrets Manager times out as well.
        (Network, r"secrets? ?manager|access[ _]?denied|not authorized to perform|ExpiredToken|InvalidAccessKeyId"),
        (Network, r"\b403 forbidden|\b(http|status)([ _-]?(code|error))?[ :=]{0,3}403\b"),
        (
            Network,
            r"connection[ -~]{0,20}\b(reset|refused|aborted|closed|timed? ?out|timeout)|broken pipe|SocketTimeout",
        ),
        (Network, r"unknown ?host|name resolution|getaddrinfo|no route to host|network (is )?unreachable|\bDNS\b"),
        (Network, r"\b(SSL|TLS|x509)\b|SSL(Error|Exception|Handshake)|certificate|SlowDown|external api|\bVPC\b"),
        // Checks that name themselves.
        (DataQuality, r"\bexpect_[a-z_]+|\bexpectations?\b|\bDQ\b|quality (gate|check|rule|test)|data quality"),
        (DataQuality, r"missing expected (columns?|values?)"),
        // Schemas.
        (SchemaEvolution, r"schema[ _-]?(validation|mismatch|drift|change|registry|incompatib)|incompatible schema"),
        (SchemaEvolution, r"breaking (schema )?change|type ?mismatch|mismatched types?|incompatible (data )?types?"),
        (
            SchemaEvolution,
            r"missing (required )?(fields?|columns?)|(required )?(field|column)s? [ -~]{0,80}\b(is|are) missing",
        ),
        (
            SchemaEvolution,
            r#"expected (type )?['"`]?(string|varchar|u?int|integer|bigint|long|short|float|double|decimal|numeric|bool|date|timestamp|binary|array|list|struct|map)\b[ -~]{0,60}\b(got|found|was|but)\b"#,
        ),
        (SchemaEvolution, r"cannot (safely )?cast|cannot resolve (column )?['`]|no such (column|field)|unknown column"),
        // Sources.
        (
            UpstreamSource,
            r"\b(api|source|upstream|endpoint)\b[ -~]{0,80}\b(timed? ?out|timeouts?|unavailable|unreachable|down|failed)\b",
        ),
        (UpstreamSource, r"\b(timed? ?out|timeouts?)\b[ -~]{0,80}\b(api|source|upstream)\b|ReadTimeout"),
        (
            UpstreamSource,
            r"\b(http|status|code|api|source|upstream|server)\b[ -~]{0,40}\b(5\d\d|429)\b|\b5\d\d (internal|bad|service|gateway|server)",
        ),
        (
            UpstreamSource,
            r"bad gateway|service unavailable|gateway timeout|internal server error|too many requests|rate limit",
        ),
        (
            UpstreamSource,
            r"\bno (new )?(data|files?|records)\b( (arriv|receiv|from|for|in|since|was|were|has|found|available|landed)|\W*$)",
        ),
        (UpstreamSource, r"(invalid|unexpected|unsupported|unknown) ([a-z]+ )?format|malformed|corrupt|truncated file"),
        (
            UpstreamSource,
            r"JSONDecodeError|invalid json|(could not|cannot|failed to|unable to) (parse|decode)|not a parquet file",
        ),
        // Values.
        (DataQuality, r"not[ _-]?null|null (constraint|check|value|violation)|(is|was|are|were) null\b|\bnulls\b"),
        (
            DataQuality,
            r"out of range|outside [ -~]{0,20}range|\brange (check|constraint|violation)|negative|must be (>|<|between|positive)",
        ),
        (DataQuality, r"duplicat|unique(ness)? |referential|foreign key|orphan|constraint|check failed|quality"),
    ]
};

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use FailureCategory::*;
    use proptest::prelude::*;

    use super::*;

    fn reason(error_type: &str, message: &str, row_count: Option<u64>) -> ErrorReason {
        let text = |t: &str| (!t.is_empty()).then(|| t.into());
        ErrorReason { error_type: text(error_type), error_message: text(message), row_count, ..ErrorReason::default() }
    }

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(default_rules().len(), DEFAULTS.len());
    }

    #[test]
    fn tells_symptoms_apart() {
        let table = [
            // Runbook, "Error Metadata Format" and category 2; field-notes on what code really raises.
            ("schema_validation", "Column 'email' expected string, got null", SchemaEvolution),
            ("", "Column 'email' expected string, got null", SchemaEvolution),
            ("SchemaValidationException", "", SchemaEvolution),
            ("com.acme.SchemaValidationException", "boom", SchemaEvolution),
            ("ValueError", "Schema validation FAILED for orders: Missing columns: a, b", SchemaEvolution),
            ("ValueError", "Schema evolution breaking change detected", SchemaEvolution),
            ("", "Column type mismatches", SchemaEvolution),
            ("", "Missing required fields", SchemaEvolution),
            ("type_mismatch", "amount: double instead of decimal(10,2)", SchemaEvolution),
            ("", "required field customer_id is missing", SchemaEvolution),
            ("AnalysisException", "cannot resolve 'amount' given input columns", SchemaEvolution),
            ("schema_drift", "DQ check found new columns", SchemaEvolution),
            // Category 1.
            ("data_quality", "expected int, got string", DataQuality),
            ("dq_failure", "", DataQuality),
            ("", "DQ checks fail in dq_watchdog_dag", DataQuality),
            ("", "Quality gate tests fail", DataQuality),
            ("", "Data missing expected columns or values", DataQuality),
            ("", "expect_column_values_to_be_of_type failed: expected string, got int", DataQuality),
            ("", "Expectation failed: 3 of 7", DataQuality),
            ("", "Null constraint violated on order_id", DataQuality),
            ("", "NOT NULL constraint failed: orders.id", DataQuality),
            ("", "amount out of range [0, 10000]", DataQuality),
            ("", "Duplicate primary key 17", DataQuality),
            ("referential_integrity", "customer 9 not found", DataQuality),
            ("", "foreign key customer_id has no parent", DataQuality),
            ("null_check", "order_id", DataQuality),
            // Category 3.
            ("", "No data arriving from source", UpstreamSource),
            ("", "No data", UpstreamSource),
            ("", "Source API timeouts", UpstreamSource),
            ("", "Source API timed out after 30 s", UpstreamSource),
            ("", "API timeout", UpstreamSource),
            ("api_timeout", "", UpstreamSource),
            ("", "timeout while calling the CRM API", UpstreamSource),
            ("", "source returned HTTP 503", UpstreamSource),
            ("HTTPError", "502 Bad Gateway", UpstreamSource),
            ("", "Invalid data format", UpstreamSource),
            ("malformed_record", "line 7", UpstreamSource),
            ("", "Malformed JSON at line 7", UpstreamSource),
            ("JSONDecodeError", "Expecting value", UpstreamSource),
            // Category 4.
            ("java.lang.OutOfMemoryError", "Java heap space", ResourceExhaustion),
            ("", "Spark OOM errors", ResourceExhaustion),
            ("", "ExecutorLostFailure (executor 3 exited): exit code 137", ResourceExhaustion),
            ("", "Command exited with exit code: 137", ResourceExhaustion),
            ("", "Consider boosting spark.executor.memoryOverhead", ResourceExhaustion),
            ("", "Container killed by YARN", ResourceExhaustion),
            ("", "EMR jobs fail with memory errors", ResourceExhaustion),
            ("", "Task timed out", ResourceExhaustion),
            ("", "Airflow tasks timeout", ResourceExhaustion),
            ("AirflowTaskTimeout", "Timeout, PID: 77", ResourceExhaustion),
            ("task_timeout", "", ResourceExhaustion),
            ("resource_exhaustion", "Access Denied", ResourceExhaustion),
            // Category 5.
            ("", "S3 access denied errors", Network),
            ("", "AccessDenied: not authorized to perform s3:GetObject", Network),
            ("", "Access Denied (Service: S3; Status Code: 403)", Network),
            ("", "status code: 403", Network),
            ("HTTPError", "403 Forbidden", Network),
            ("", "Secrets Manager timeout", Network),
            ("", "SecretsManager: read of source API credentials timed out", Network),
            ("secrets_manager_timeout", "", Network),
            ("", "External API failures", Network),
            ("", "Connection reset by peer", Network),
            ("ConnectionError", "connection refused by source", Network),
            ("java.net.UnknownHostException", "crm.example", Network),
            ("", "SSL handshake failed", Network),
            ("SSLError", "CERTIFICATE_VERIFY_FAILED", Network),
            ("network_error", "No data", Network),
            // Nothing to go by.
            ("", "", Unknown),
            ("ValueError", "oops", Unknown),
            ("", "expected 100 rows, got 7", Unknown),
            ("", "transaction room sslot boom", Unknown),
        ];
        let rules = default_rules();
        let wrong: Vec<_> = table
            .into_iter()
            .map(|(t, m, expected)| (t, m, expected, categorize(&rules, &[reason(t, m, None)])))
            .filter(|(_, _, expected, got)| expected != got)
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn case_is_nothing() {
        let rules = default_rules();
        for text in ["SECRETS MANAGER TIMEOUT", "secrets manager timeout"] {
            assert_eq!(categorize(&rules, &[reason("", text, None)]), Network);
        }
    }

    #[test]
    fn the_reason_with_the_most_rows_that_matches_decides() {
        let rules = default_rules();
        let reasons = [
            reason("", "Duplicate key", Some(5)),
            reason("", "no rule knows this", Some(900)),
            reason("schema_validation", "", Some(50)),
            reason("", "Access Denied", None),
        ];
        assert_eq!(categorize(&rules, &reasons), SchemaEvolution);
        assert_eq!(categorize(&rules, &reasons[..2]), DataQuality);
        assert_eq!(categorize(&rules, &reasons[1..2]), Unknown);
        assert_eq!(categorize(&[], &reasons), Unknown);
    }

    #[test]
    fn ones_own_rules_go_first() {
        let mut rules = vec![CategoryRule::new("duplicate", UpstreamSource).unwrap()];
        rules.extend(default_rules());
        assert_eq!(categorize(&rules, &[reason("", "Duplicate key", None)]), UpstreamSource);
    }

    #[test]
    fn patterns_are_bounded() {
        assert!(CategoryRule::new("(", Unknown).is_err());
        assert!(CategoryRule::new(r"(\w{1000}){1000}", Unknown).is_err());
    }

    #[test]
    fn words_come_back() {
        for category in FailureCategory::ALL {
            assert_eq!(FailureCategory::from_word(category.word()), Some(category));
            assert_eq!(FailureCategory::from_word(category.short()), Some(category));
        }
        assert_eq!(FailureCategory::from_word(" Schema-Evolution "), Some(SchemaEvolution));
        assert_eq!(FailureCategory::from_word("weather"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(error_type in any::<String>(), message in any::<String>()) {
            categorize(&default_rules(), &[reason(&error_type, &message, Some(1))]);
        }
    }
}
