//! Keys and file names: each key is one path below the root and the other way round, whatever bytes a file's
//! name holds. Nothing here touches the disk.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// Begins the key segment of a file name that is not UTF-8; what follows is percent-encoded. A name that begins
/// so by itself is written the same way, so that every segment has one name and every name one segment.
const BYTES: &str = "%BYTES%";

/// Begins the names of files that are being written. No key has such a segment.
const TEMPORARY: &str = ".lakeward-tmp-";

/// The file at the root that a process locks while it gives or takes a name. No key has such a segment.
pub(super) const LOCK: &str = ".lakeward-lock";

/// Whether a directory entry is a file of ours that was never finished.
pub(super) fn is_temporary(name: &OsStr) -> bool {
    name.as_bytes().starts_with(TEMPORARY.as_bytes())
}

/// Whether a directory entry is a file of ours: no object, and hidden.
pub(super) fn is_ours(name: &OsStr) -> bool {
    is_temporary(name) || name == LOCK
}

/// A name for a file being written, told apart by `n` within this process.
pub(super) fn temporary(n: u64) -> String {
    format!("{TEMPORARY}{}-{n}", std::process::id())
}

/// The key segment of a file name.
pub(super) fn segment_of(name: &OsStr) -> String {
    match name.to_str() {
        Some(text) if !text.starts_with(BYTES) => text.to_owned(),
        _ => {
            let mut segment = BYTES.to_owned();
            for chunk in name.as_bytes().utf8_chunks() {
                segment.push_str(&chunk.valid().replace('%', "%25"));
                for byte in chunk.invalid() {
                    segment.push_str(&format!("%{byte:02X}"));
                }
            }
            segment
        }
    }
}

/// The file name of a key segment, or what is wrong with the segment.
pub(super) fn name_of(segment: &str) -> Result<OsString, &'static str> {
    match segment {
        "" => return Err("an empty segment (a leading, trailing or doubled slash) cannot be a file"),
        "." | ".." => return Err("a `.` or `..` segment cannot be a file"),
        _ if segment.contains('\0') => return Err("a NUL character cannot be part of a file's name"),
        _ => {}
    }
    let name = match segment.strip_prefix(BYTES) {
        None => OsString::from(segment),
        Some(encoded) => {
            let bytes: Vec<u8> = percent_encoding::percent_decode_str(encoded).collect();
            let name = OsString::from_vec(bytes);
            if segment_of(&name) != segment || name.as_bytes().iter().any(|b| matches!(b, 0 | b'/')) {
                return Err("`%BYTES%` stands for bytes that are not UTF-8, and this is not how they are written");
            }
            name
        }
    };
    if is_ours(&name) {
        return Err("this name is kept for files that writing needs");
    }
    Ok(name)
}

/// The path of a key, relative to the root, or what is wrong with the key.
pub(super) fn path_of(key: &str) -> Result<PathBuf, &'static str> {
    key.split('/').map(name_of).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keys_that_are_no_files() {
        for key in [
            "",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/../b",
            "a/./b",
            "a\0b",
            "%BYTES%a",
            "%BYTES%%2F%FF",
            ".lakeward-tmp-1-1",
            "a/.lakeward-lock",
        ] {
            assert!(path_of(key).is_err(), "{key:?}");
        }
        for key in ["a", "a/b", "...", "a b/+=%20\"", "ü/日本", "-", "..a/b.."] {
            assert_eq!(path_of(key).unwrap(), PathBuf::from(key), "{key:?}");
        }
    }

    #[test]
    fn names_that_are_not_utf8() {
        let table: [(&[u8], &str); 4] = [
            (b"a\xFFb", "%BYTES%a%FFb"),
            (b"100%\xFF", "%BYTES%100%25%FF"),
            (b"%BYTES%a", "%BYTES%%25BYTES%25a"),
            (b"a%FF", "a%FF"),
        ];
        for (name, segment) in table {
            assert_eq!(segment_of(OsStr::from_bytes(name)), segment);
            assert_eq!(name_of(segment).unwrap().as_bytes(), name);
        }
    }

    proptest! {
        #[test]
        fn every_name_has_one_segment(name in prop::collection::vec(1u8..=255, 1..12)) {
            let name = OsString::from_vec(name.into_iter().map(|b| if b == b'/' { b'%' } else { b }).collect());
            prop_assume!(name != "." && name != "..");
            prop_assert_eq!(name_of(&segment_of(&name)).unwrap(), name);
        }

        #[test]
        fn every_segment_has_one_name(segment in "(%BYTES%)?[a%F0-9é./]{0,8}") {
            if let Ok(name) = name_of(&segment) {
                prop_assert_eq!(segment_of(&name), segment);
            }
        }
    }
}
