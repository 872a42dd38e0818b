//! Decoders of foreign bytes, fenced in: what panics in there becomes an error that names the object.
//! Nothing of our own is meant to panic; this is for the libraries.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use super::RowsError;

thread_local! {
    static FENCED: Cell<bool> = const { Cell::new(false) };
}

static QUIET: Once = Once::new();

/// Whether this thread is inside a fenced decoder: a panic hook that restores a terminal leaves it alone
/// then, since the panic is caught.
pub fn is_fenced() -> bool {
    FENCED.with(Cell::get)
}

/// Runs `work`; a panic in it is an error of the object and prints nothing.
pub(super) fn fenced<T>(object: &str, work: impl FnOnce() -> T) -> Result<T, RowsError> {
    QUIET.call_once(|| {
        let earlier = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !is_fenced() {
                earlier(info);
            }
        }));
    });
    let before = FENCED.with(|f| f.replace(true));
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    FENCED.with(|f| f.set(before));
    outcome.map_err(|payload| {
        unreadable(object, format!("damaged: the decoder gave up ({})", one_line(&words(&*payload), 160)))
    })
}

/// [`RowsError::Unreadable`] with the fault on one line.
pub(super) fn unreadable(object: &str, fault: impl AsRef<str>) -> RowsError {
    RowsError::Unreadable { object: object.to_owned(), fault: one_line(fault.as_ref(), 400) }
}

/// The text without line breaks, at most `max` characters.
pub(super) fn one_line(text: &str, max: usize) -> String {
    let flat: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match flat.char_indices().nth(max) {
        Some((at, _)) => format!("{}…", flat.get(..at).unwrap_or_default()),
        None => flat,
    }
}

fn words(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "no reason given".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_on_one_line() {
        let error = fenced::<()>("s3://b/k", || panic!("index\nout of {}", "bounds")).map_err(|e| e.to_string());
        assert_eq!(error, Err("s3://b/k: damaged: the decoder gave up (index out of bounds)".to_owned()));
        assert!(!is_fenced());
    }
}
