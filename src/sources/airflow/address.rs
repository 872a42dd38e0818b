//! Paths of the API from ids that anybody may have chosen.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What RFC 3986 leaves as it is.
const IN_PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An id as one part of a path.
pub(super) fn part(id: &str) -> String {
    match id {
        // A path cannot hold these, not even encoded: an address without them would be that of something else.
        // The replacement character is of no id that Airflow lets through.
        "." | ".." => "%EF%BF%BD".to_owned(),
        _ => utf8_percent_encode(id, IN_PART).to_string(),
    }
}

/// A path of parts, each encoded.
pub(super) fn path(parts: &[&str]) -> String {
    parts.iter().map(|p| format!("/{}", part(p))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_part_whatever_it_holds() {
        for (id, shown) in [
            ("lake_bad", "lake_bad"),
            ("manual__2026-11-25T12:50:02.213679+00:00", "manual__2026-11-25T12%3A50%3A02.213679%2B00%3A00"),
            ("~", "~"),
            ("a/../b?c#d", "a%2F..%2Fb%3Fc%23d"),
            ("..", "%EF%BF%BD"),
            ("é \n", "%C3%A9%20%0A"),
        ] {
            assert_eq!(part(id), shown, "{id:?}");
            let url = url::Url::parse(&format!("http://host/api/{}", part(id)));
            assert_eq!(url.map(|u| u.path().to_owned()), Ok(format!("/api/{shown}")));
        }
        assert_eq!(path(&["dags", "a b", "tasks"]), "/dags/a%20b/tasks");
    }
}
