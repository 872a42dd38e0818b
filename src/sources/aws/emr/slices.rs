//! A window of time in slices, so that many runs are listed side by side: EMR Serverless gives at most 50 runs a page,
//! and the next page of a listing only once the one before is there.

use chrono::{DateTime, Duration, Utc};

/// The most runs that one page holds: <https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_ListJobRuns.html>.
pub const PAGE: usize = 50;
/// Runs that a slice is made for: half a page, since they do not come evenly.
const AIM: usize = PAGE / 2;
/// The most slices at first: with the rest of a refresh, what is sent at once.
const MOST: usize = 20;
/// The most parts that what a page left over is cut into.
const PARTS: usize = 16;
/// A slice shorter than this is read page by page.
const SHORTEST: Duration = Duration::seconds(10);
/// How far slices overlap: the API does not say whether its bounds belong to them.
pub const OVERLAP: Duration = Duration::seconds(1);

/// Runs that were created in a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// From when on.
    pub after: DateTime<Utc>,
    /// Until when. Open for the newest: the clocks of here and there may differ.
    pub before: Option<DateTime<Utc>>,
}

/// What is left of a slice after its first page.
#[derive(Debug, PartialEq, Eq)]
pub enum Rest {
    /// Slices that can be read side by side.
    Slices(Vec<Slice>),
    /// No order to be seen, or nothing worth cutting: the next page, by its token.
    NextPage,
}

/// The window from `since` on in slices that hold half a page each if `runs` lie evenly in it; the newest first.
pub fn window(since: DateTime<Utc>, now: DateTime<Utc>, runs: usize) -> Vec<Slice> {
    let length = now - since;
    let wanted = i32::try_from(runs.div_ceil(AIM).clamp(1, MOST)).unwrap_or(1);
    if length < SHORTEST || wanted == 1 {
        return vec![Slice { after: since, before: None }];
    }
    cut(since, now, wanted).map(|(after, before)| Slice { after, before: (before < now).then_some(before) }).collect()
}

/// What is left, given when the runs of the page were created, in the page's order. `now` ends an open slice.
pub fn rest(slice: Slice, page: &[DateTime<Utc>], now: DateTime<Utc>) -> Rest {
    let (Some(first), Some(last)) = (page.first(), page.last()) else { return Rest::NextPage };
    let end = slice.before.unwrap_or_else(|| now.max(*first).max(*last));
    let newest_first = page.is_sorted_by(|a, b| a >= b);
    let oldest_first = page.is_sorted();
    let (seen, after, before) = match (newest_first, oldest_first) {
        (true, false) => (end - *last, slice.after, *last),
        (false, true) => (*last - slice.after, *last, end),
        _ => return Rest::NextPage,
    };
    let left = before - after;
    if left < SHORTEST || seen <= Duration::zero() {
        return Rest::NextPage;
    }
    // As dense as what was seen, and twice as many parts: runs do not come evenly.
    let parts = (2 * left.num_milliseconds() / seen.num_milliseconds().max(1) + 2).clamp(2, PARTS as i64);
    let parts = i32::try_from(parts).unwrap_or(2);
    let open = slice.before.is_none();
    let slices = cut(after, before, parts)
        .enumerate()
        // The newest of an open slice stays open where the page was not its newest part.
        .map(|(n, (after, until))| Slice {
            after,
            before: (!(open && oldest_first && n == 0)).then_some(until + OVERLAP),
        });
    Rest::Slices(slices.collect())
}

/// Equal parts, the newest first, each beginning a little before the end of the one before.
fn cut(since: DateTime<Utc>, until: DateTime<Utc>, parts: i32) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> {
    let length = (until - since) / parts;
    (0..parts).rev().map(move |n| {
        let after = if n == 0 { since } else { since + length * n - OVERLAP };
        (after, if n == parts - 1 { until } else { since + length * (n + 1) })
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
    }

    /// Whether slices have no gap between two times.
    fn cover(slices: &[Slice], from: DateTime<Utc>, to: DateTime<Utc>) -> bool {
        let mut until = to;
        let reach = slices.iter().all(|slice| {
            let touches = slice.before.is_none_or(|before| before >= until);
            until = slice.after;
            touches
        });
        reach && until <= from
    }

    #[test]
    fn a_window_has_no_gaps_and_its_newest_slice_no_end() {
        for (runs, slices) in [(0, 1), (1, 1), (25, 1), (26, 2), (250, 10), (500, 20), (100_000, 20)] {
            let window = window(at(0), at(86_400), runs);
            assert_eq!(window.len(), slices, "{runs}");
            assert!(window[0].before.is_none() && window[1..].iter().all(|s| s.before.is_some()));
            assert!(cover(&window, at(0), at(86_400)));
        }
        assert_eq!(window(at(0), at(5), 500), [Slice { after: at(0), before: None }]);
        assert_eq!(window(at(5), at(0), 500).len(), 1, "a clock that is behind");
    }

    #[test]
    fn what_a_page_left_is_cut_as_densely_as_the_page_was() {
        let slice = Slice { after: at(0), before: Some(at(3_600)) };
        let descending: Vec<_> = (0..50).map(|n| at(3_600 - n * 6)).collect();
        let Rest::Slices(slices) = rest(slice, &descending, at(9_999)) else { panic!("no slices") };
        assert_eq!(slices.len(), 16);
        assert!(cover(&slices, at(0), at(3_600 - 49 * 6)), "{slices:?}");
        let ascending: Vec<_> = (0..50).map(|n| at(n * 60)).collect();
        let Rest::Slices(slices) = rest(slice, &ascending, at(9_999)) else { panic!("no slices") };
        assert!(slices.len() < 5 && cover(&slices, at(49 * 60), at(3_600)), "{slices:?}");
    }

    #[test]
    fn an_open_slice_loses_nothing_at_its_end() {
        let open = Slice { after: at(0), before: None };
        let ascending: Vec<_> = (0..50).map(|n| at(n * 10)).collect();
        let Rest::Slices(slices) = rest(open, &ascending, at(1_000)) else { panic!("no slices") };
        assert!(slices[0].before.is_none() && slices[1..].iter().all(|s| s.before.is_some()));
        let descending: Vec<_> = (0..50).map(|n| at(1_200 - n * 10)).collect();
        let Rest::Slices(slices) = rest(open, &descending, at(1_000)) else { panic!("no slices") };
        assert!(slices.iter().all(|s| s.before.is_some()) && cover(&slices, at(0), at(710)));
    }

    #[test]
    fn pages_without_an_order_are_followed_by_their_tokens() {
        let slice = Slice { after: at(0), before: Some(at(3_600)) };
        assert_eq!(rest(slice, &[], at(0)), Rest::NextPage);
        assert_eq!(rest(slice, &[at(5), at(5)], at(0)), Rest::NextPage, "all at one moment");
        assert_eq!(rest(slice, &[at(5), at(9), at(7)], at(0)), Rest::NextPage);
        let short = Slice { after: at(0), before: Some(at(9)) };
        assert_eq!(rest(short, &[at(8), at(7)], at(0)), Rest::NextPage);
    }
}
