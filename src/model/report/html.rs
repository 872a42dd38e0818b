//! The report as one HTML page that needs nothing else: no script, no address that a browser would ask.

use super::Report;
use super::markdown::long;
use crate::model::text::thousands;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}\
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.25rem .6rem;\
border-bottom:1px solid #ddd}svg{width:100%;height:6rem}code{overflow-wrap:anywhere}.pass{color:#176117}.waived{color:#7a5b00}\
.fail,.error,.no_evidence{color:#a11}";

/// Width of the drawing, in its own units.
const WIDE: f64 = 1000.0;

fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

impl Report {
    /// The report as a page; ends in a newline.
    pub fn html(&self) -> String {
        let title = plain(&self.title);
        let mut out = format!(
            "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style>\n\
             <h1>{title}</h1>\n<p>{}, {}, {}, {}</p>\n",
            plain(&self.incident.0),
            self.status.word(),
            self.severity.word(),
            self.category.word().replace('_', " ")
        );
        out.push_str(&self.drawn());
        out.push_str("<h2>Impact</h2>\n<table>\n");
        let mut row = |name: &str, value: &str| out.push_str(&format!("<tr><th>{name}<td>{}\n", plain(value)));
        row("Datasets", &self.impact.datasets.iter().cloned().collect::<Vec<_>>().join(", "));
        row("Dates", &self.impact.dates.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
        row("Rows rejected", &self.impact.rows_rejected.map_or_else(|| "not known".to_owned(), thousands));
        self.sums().iter().for_each(|(name, sum)| row(name, sum));
        row("Root cause", self.cause.as_deref().unwrap_or("nothing was said"));
        out.push_str("</table>\n<h2>Verification</h2>\n<table>\n");
        for checked in &self.checks {
            out.push_str(&format!(
                "<tr><th>{}<td class=\"{}\">{}<td>{}<td>{}\n",
                checked.check.title(),
                checked.status.word(),
                checked.status.word().replace('_', " "),
                plain(&checked.reason),
                plain(checked.by.as_deref().unwrap_or_default())
            ));
        }
        out.push_str("</table>\n<h2>Evidence</h2>\n<table>\n");
        for (of, seen) in self.proofs() {
            out.push_str(&format!(
                "<tr><td>{of}<td>{}<td>{}<td><code>{}</code>\n",
                plain(&seen.detail),
                seen.observed_at.format("%Y-%m-%d %H:%M:%S"),
                plain(&seen.uri)
            ));
        }
        out.push_str("</table>\n<h2>Follow-ups</h2>\n<ul>\n");
        out.extend(self.follow_ups.iter().map(|line| format!("<li>{}\n", plain(line))));
        out.push_str("</ul>\n<h2>Timeline</h2>\n<table>\n");
        for line in &self.timeline {
            out.push_str(&format!(
                "<tr><td>{}<td>{}<td>{}<td><code>{}</code>{}\n",
                line.at.format("%Y-%m-%d %H:%M:%S"),
                plain(&line.actor),
                line.event.replace('_', " "),
                plain(&line.text),
                line.more.iter().map(|line| format!("<br><code>{}</code>", plain(line))).collect::<String>()
            ));
        }
        out.push_str("</table>\n</html>\n");
        out
    }

    /// The times on a line, with a mark for each event.
    fn drawn(&self) -> String {
        let begin = self.times.detected;
        let last = self.timeline.last().map_or(begin, |line| line.at).max(begin);
        let whole = (last - begin).num_milliseconds().max(1) as f64;
        let place = |at: chrono::DateTime<chrono::Utc>| {
            20.0 + ((at - begin).num_milliseconds() as f64 / whole).clamp(0.0, 1.0) * (WIDE - 160.0)
        };
        let mut out = format!(
            "<svg viewBox=\"0 0 {WIDE} 110\" role=\"img\" aria-label=\"timeline\">\
             <line x1=\"20\" y1=\"60\" x2=\"{:.0}\" y2=\"60\" stroke=\"#999\"/>\n",
            WIDE - 140.0
        );
        for line in &self.timeline {
            let x = place(line.at);
            out.push_str(&format!("<line x1=\"{x:.1}\" y1=\"54\" x2=\"{x:.1}\" y2=\"66\" stroke=\"#bbb\"/>\n"));
        }
        for (i, (name, at, after)) in self.moments().into_iter().enumerate() {
            let (x, y) = (place(at), if i % 2 == 0 { 30 } else { 95 });
            let after = after.map(|seconds| format!(" +{}", long(seconds))).unwrap_or_default();
            out.push_str(&format!(
                "<circle cx=\"{x:.1}\" cy=\"60\" r=\"5\" fill=\"#225\"/><text x=\"{x:.1}\" y=\"{y}\" font-size=\"16\">{name}{after}</text>\n"
            ));
        }
        out.push_str("</svg>\n");
        out
    }
}
