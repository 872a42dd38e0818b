//! Which lake: an address and what is needed to reach it.

use std::path::{Path, PathBuf};

use super::Places;
use crate::lake::address::LakeUrl;
use crate::lake::s3::S3Settings;

/// A lake to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LakeTarget {
    /// A folder, absolute.
    Folder(PathBuf),
    /// A bucket, or a prefix in one.
    S3(S3Settings),
}

impl LakeTarget {
    /// As people know it.
    pub fn shown(&self) -> String {
        match self {
            Self::Folder(path) => path.display().to_string(),
            Self::S3(s3) => format!("s3://{}/{}", s3.bucket, s3.prefix).trim_end_matches('/').to_owned(),
        }
    }
}

/// What an address may be, for error messages.
pub const ALLOWED: &str = "s3://bucket[/prefix], a folder, or file:///folder";

/// An address, told apart by its form. A relative folder is taken from `base`.
pub fn address(text: &str, base: &Path, places: &Places) -> Result<LakeTarget, String> {
    match text.parse::<LakeUrl>().map_err(|e| format!("`{text}` is no lake: {}", e.fault))? {
        LakeUrl::S3 { bucket, prefix } => Ok(LakeTarget::S3(S3Settings { bucket, prefix, ..S3Settings::default() })),
        LakeUrl::Folder(folder) => Ok(LakeTarget::Folder(match (folder.strip_prefix("~"), &places.home) {
            (Ok(rest), Some(home)) => home.join(rest),
            _ => base.join(folder),
        })),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart_by_their_form() {
        let places = Places { home: Some("/home/ana".into()), ..Places::default() };
        let read = |t: &str| address(t, Path::new("/base"), &places).map(|t| t.shown());
        for (text, shown) in [
            ("s3://b", "s3://b"),
            ("s3://b/", "s3://b"),
            ("s3://b/p/q/", "s3://b/p/q"),
            ("/abs", "/abs"),
            ("rel/lake", "/base/rel/lake"),
            ("~/lake", "/home/ana/lake"),
            ("file:///abs", "/abs"),
        ] {
            assert_eq!(read(text).unwrap(), shown, "{text}");
        }
        for text in ["", "s3://", "s3:///p", "s3://a b", "gs://b", "file://host/p", "https://b.s3.amazonaws.com"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
