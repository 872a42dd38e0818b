//! The addresses of lakes that people type: `s3://bucket[/prefix]`, `file:///…`, or a folder's path.
//! Only text: whether anything is there shows when the lake is opened.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

/// What a path of a URL may hold as itself (RFC 3986, `pchar` and `/`), and `=`, which every dated key holds.
const URL_PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'=');

/// The address of a lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LakeUrl {
    /// A bucket, or part of one.
    S3 {
        /// The bucket's name (or access point alias).
        bucket: String,
        /// Empty, or ending in `/`.
        prefix: String,
    },
    /// A folder of this machine.
    Folder(PathBuf),
}

/// Why a text is no address of a lake; says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no lake: {fault}; allowed are s3://bucket[/prefix], file:///path and the path of a folder")]
pub struct AddressError {
    /// What was given. Hostile text.
    pub text: String,
    /// What is wrong with it.
    pub fault: &'static str,
}

impl FromStr for LakeUrl {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let fail = |fault| Err(AddressError { text: text.to_owned(), fault });
        if text.is_empty() {
            return fail("it is empty");
        }
        if text.contains('\0') {
            return fail("it holds a NUL character");
        }
        match text.split_once("://") {
            Some(("s3" | "s3a" | "s3n", rest)) => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                if bucket.is_empty() {
                    return fail("the bucket is missing");
                }
                if !bucket.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b':')) {
                    return fail("a bucket's name has letters, digits, dots and hyphens only");
                }
                let bare = prefix.trim_end_matches('/');
                let prefix = if bare.is_empty() { String::new() } else { format!("{bare}/") };
                Ok(Self::S3 { bucket: bucket.to_owned(), prefix })
            }
            Some(("file", _)) => file_path(text).map(Self::Folder),
            Some((scheme, _))
                if scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')) =>
            {
                fail("there is no way to read this kind of address")
            }
            _ => Ok(Self::Folder(PathBuf::from(text))),
        }
    }
}

/// The path that a `file:///…` address names, percent-decoded; bytes that are not UTF-8 survive.
pub fn file_path(url: &str) -> Result<PathBuf, AddressError> {
    let fail = |fault| Err(AddressError { text: url.to_owned(), fault });
    let Some(rest) = url.strip_prefix("file://") else { return fail("it does not begin with file://") };
    let path = rest.strip_prefix("localhost").filter(|p| p.starts_with('/')).unwrap_or(rest);
    if !path.starts_with('/') {
        return fail("a file address has three slashes and no host");
    }
    let bytes: Vec<u8> = percent_decode_str(path).collect();
    if bytes.contains(&0) {
        return fail("it holds a NUL character");
    }
    Ok(PathBuf::from(OsString::from_vec(bytes)))
}

/// The `file:///…` address of an absolute path, without a trailing slash.
pub fn file_url(path: &Path) -> String {
    let text = percent_encode(path.as_os_str().as_bytes(), URL_PATH).to_string();
    format!("file://{}", text.trim_end_matches('/'))
}

/// A key as part of a URL.
pub(super) fn url_encoded(key: &str) -> String {
    percent_encode(key.as_bytes(), URL_PATH).to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses() {
        let s3 = |bucket: &str, prefix: &str| LakeUrl::S3 { bucket: bucket.into(), prefix: prefix.into() };
        let folder = |p: &str| LakeUrl::Folder(PathBuf::from(p));
        let table = [
            ("s3://lake", s3("lake", "")),
            ("s3://lake/", s3("lake", "")),
            ("s3://lake/a/b", s3("lake", "a/b/")),
            ("s3://lake/a b/", s3("lake", "a b/")),
            ("s3a://lake/a", s3("lake", "a/")),
            ("file:///tmp/a%20b", folder("/tmp/a b")),
            ("file://localhost/tmp", folder("/tmp")),
            ("./lake", folder("./lake")),
            ("/tmp/a%20b", folder("/tmp/a%20b")),
            ("C:lake", folder("C:lake")),
        ];
        for (text, want) in table {
            assert_eq!(text.parse::<LakeUrl>().unwrap(), want, "{text}");
        }
        for text in ["", "s3://", "s3:///x", "s3://b cket", "gs://b", "https://x/y", "file://host/x", "file://", "a\0b"]
        {
            let error = text.parse::<LakeUrl>().unwrap_err();
            assert!(error.to_string().contains("allowed are s3://bucket"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_path_survives_its_url(bytes in prop::collection::vec(1u8..=255, 1..20)) {
            let path = Path::new("/").join(OsString::from_vec(bytes.clone()));
            let back = file_path(&file_url(&path));
            // Trailing slashes are no part of a path's meaning.
            if !path.as_os_str().as_bytes().ends_with(b"/") {
                prop_assert_eq!(back.unwrap(), path);
            }
        }

        #[test]
        fn any_text_is_taken(text in any::<String>()) {
            let _ = text.parse::<LakeUrl>();
        }
    }
}
