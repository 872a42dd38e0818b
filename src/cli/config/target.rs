//! Which lake: an address and what is needed to reach it.

use std::path::{Path, PathBuf};

use super::Places;

/// A lake to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LakeTarget {
    /// A folder, absolute.
    Folder(PathBuf),
    /// A bucket, or a prefix in one.
    S3(S3Target),
}

/// How to reach a lake on S3.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct S3Target {
    /// `s3://bucket[/prefix]`.
    pub url: String,
    /// The region; found by the AWS SDK's own chain when unset.
    pub region: Option<String>,
    /// The profile; the SDK's own when unset.
    pub profile: Option<String>,
    /// Another endpoint than AWS's own.
    pub endpoint_url: Option<String>,
    /// Bucket in the path instead of the host name.
    pub path_style: bool,
    /// Send checksums only where the API requires them.
    pub checksums_when_required: bool,
    /// Sign nothing.
    pub anonymous: bool,
}

impl LakeTarget {
    /// As people know it.
    pub fn shown(&self) -> String {
        match self {
            Self::Folder(path) => path.display().to_string(),
            Self::S3(s3) => s3.url.clone(),
        }
    }
}

/// What an address may be, for error messages.
pub const ALLOWED: &str = "s3://bucket[/prefix], a folder, or file:///folder";

/// An address, told apart by its form. A relative folder is taken from `base`.
pub fn address(text: &str, base: &Path, places: &Places) -> Result<LakeTarget, String> {
    if let Some(rest) = text.strip_prefix("s3://") {
        let bucket = rest.split('/').next().unwrap_or_default();
        if bucket.is_empty() || bucket.chars().any(|c| !(c.is_ascii_alphanumeric() || "-._:".contains(c))) {
            return Err(format!("`{text}` names no bucket"));
        }
        return Ok(LakeTarget::S3(S3Target { url: text.trim_end_matches('/').to_owned(), ..S3Target::default() }));
    }
    if let Some(rest) = text.strip_prefix("file://") {
        // An authority other than nothing would be another machine.
        if !rest.starts_with('/') {
            return Err(format!("`{text}` is not an absolute file address"));
        }
        return Ok(LakeTarget::Folder(PathBuf::from(rest)));
    }
    if text.is_empty() || text.contains("://") {
        return Err(format!("`{text}` is not the address of a lake"));
    }
    let path = match (text.strip_prefix("~/"), &places.home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => base.join(text),
    };
    Ok(LakeTarget::Folder(path))
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
