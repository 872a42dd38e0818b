//! Metrics as CloudWatch has them: which one, and the curve of its values. Where they are kept is not known here.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::Serialize;

/// A name and a value that a metric is told apart by. Hostile text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Dimension {
    /// `JobId`.
    pub name: String,
    /// `00f1…`.
    pub value: String,
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

/// One metric. Another set of dimensions is another metric, however much of it is the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Metric {
    /// `AWS/EMRServerless`.
    pub namespace: String,
    /// `WorkerMemoryUsed`.
    pub name: String,
    dimensions: Vec<Dimension>,
}

impl Metric {
    /// A metric; the order of its dimensions does not count.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>, mut dimensions: Vec<Dimension>) -> Self {
        dimensions.sort();
        Self { namespace: namespace.into(), name: name.into(), dimensions }
    }

    /// What it is told apart by, sorted.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.dimensions
    }
}

/// Namespace, name and dimensions. Hostile text.
impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.namespace, self.name, braced(&self.dimensions))
    }
}

/// `{a=1, b=2}`, or that there are none.
pub fn braced(dimensions: &[Dimension]) -> String {
    if dimensions.is_empty() {
        return "without dimensions".to_owned();
    }
    let all: Vec<String> = dimensions.iter().map(Dimension::to_string).collect();
    format!("{{{}}}", all.join(", "))
}

/// Where the metrics of a job run are kept, if anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricPlace {
    /// In CloudWatch, where EMR Serverless puts them each minute.
    EmrServerless {
        /// The application's id.
        application: String,
        /// Its name; empty if it is not known.
        application_name: String,
        /// The run's id.
        run: String,
        /// The run's name; empty if it has none.
        run_name: String,
    },
    /// In a file on the lake.
    File {
        /// Its key.
        key: String,
    },
}

/// A value at a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// The beginning of what it was measured over.
    pub at: DateTime<Utc>,
    /// The value; finite.
    pub value: f64,
}

/// What was measured over some time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Curve {
    /// What it is, in words: `executors, memory used`.
    pub name: String,
    /// What its values are in: `GB`.
    pub unit: Cow<'static, str>,
    /// The values, oldest first; none where nothing was measured.
    pub points: Vec<Point>,
}

/// The heights of a bar, from nothing on.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The least, the mean and the most of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Range {
    /// The least.
    pub min: f64,
    /// The mean.
    pub avg: f64,
    /// The most.
    pub max: f64,
}

impl Curve {
    /// Least, mean and most; none without a value.
    pub fn range(&self) -> Option<Range> {
        let values = || self.points.iter().map(|point| point.value);
        let avg = values().sum::<f64>() / self.points.len() as f64;
        let (min, max) = (values().reduce(f64::min)?, values().reduce(f64::max)?);
        Some(Range { min, avg, max })
    }

    /// The curve as a line of bars, at most so many: each as high as the highest of the values that it stands for, the
    /// highest of all of them full, zero the lowest. Where nothing was measured there is none.
    pub fn bars(&self, width: usize) -> String {
        let (Some(first), Some(last), Some(range)) = (self.points.first(), self.points.last(), self.range()) else {
            return String::new();
        };
        let width = width.clamp(1, self.points.len().max(1));
        let whole = (last.at - first.at).num_milliseconds().max(1) as f64;
        let mut highest: Vec<Option<f64>> = vec![None; width];
        for point in &self.points {
            let share = (point.at - first.at).num_milliseconds() as f64 / whole;
            let bar = ((share * width as f64) as usize).min(width - 1);
            if let Some(bar) = highest.get_mut(bar) {
                *bar = Some(bar.map_or(point.value, |high| high.max(point.value)));
            }
        }
        let height = |value: f64| {
            let share = if range.max > 0.0 { (value / range.max).clamp(0.0, 1.0) } else { 0.0 };
            let step = (share * (BARS.len() - 1) as f64).round() as usize;
            BARS.get(step).copied().unwrap_or(' ')
        };
        highest.into_iter().map(|bar| bar.map_or(' ', height)).collect()
    }
}

/// A measured value as people read it: three digits that count, and thousands by their letters.
pub fn amount(value: f64) -> String {
    let steps = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    let size = value.abs();
    let (scaled, letter) = steps.iter().find(|(step, _)| size >= *step).map_or((value, ""), |(s, l)| (value / s, *l));
    let digits = match scaled.abs() {
        s if s >= 100.0 || s == 0.0 => 0,
        s if s >= 10.0 => 1,
        _ => 2,
    };
    format!("{scaled:.digits$}{letter}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use chrono::Duration;

    use super::*;

    fn curve(values: &[(i64, f64)]) -> Curve {
        let at = |minute| DateTime::UNIX_EPOCH + Duration::minutes(minute);
        let points = values.iter().map(|(minute, value)| Point { at: at(*minute), value: *value }).collect();
        Curve { name: "x".into(), unit: "GB".into(), points }
    }

    #[test]
    fn bars_show_the_peaks_and_the_gaps() {
        for (values, width, bars) in [
            (&[][..], 10, ""),
            (&[(0, 3.0)], 10, "█"),
            (&[(0, 0.0), (1, 0.0)], 10, "▁▁"),
            (&[(0, 0.0), (1, 1.0), (2, 7.0)], 10, "▁▂█"),
            (&[(0, 1.0), (1, 1.0), (2, 8.0), (3, 1.0)], 2, "▂█"),
            (&[(0, 4.0), (1, 4.0), (9, 4.0), (10, 4.0)], 4, "█  █"),
            (&[(0, -5.0), (1, 5.0)], 5, "▁█"),
            (&[(0, 2.0), (0, 4.0)], 0, "█"),
        ] {
            assert_eq!(curve(values).bars(width), bars, "{values:?}");
        }
    }

    #[test]
    fn a_curve_has_a_least_a_mean_and_a_most() {
        let range = curve(&[(0, 1.0), (1, 2.0), (2, 6.0)]).range().unwrap();
        assert_eq!((range.min, range.avg, range.max), (1.0, 3.0, 6.0));
        assert_eq!(curve(&[]).range(), None);
    }

    #[test]
    fn amounts_have_three_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.123, "0.12"),
            (3.456, "3.46"),
            (31.25, "31.2"),
            (812.4, "812"),
            (1_500.0, "1.50k"),
            (31_250_000.0, "31.2M"),
            (-2e9, "-2.00G"),
        ] {
            assert_eq!(amount(value), text);
        }
    }

    #[test]
    fn the_order_of_dimensions_does_not_count() {
        let of = |names: [&str; 2]| {
            let dimensions = names.map(|name| Dimension { name: name.into(), value: "1".into() }).to_vec();
            Metric::new("AWS/X", "Y", dimensions)
        };
        assert_eq!(of(["b", "a"]), of(["a", "b"]));
        assert_eq!(of(["b", "a"]).to_string(), "AWS/X Y {a=1, b=1}");
        assert_eq!(Metric::new("AWS/X", "Y", Vec::new()).to_string(), "AWS/X Y without dimensions");
    }
}
