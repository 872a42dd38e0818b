//! A secret in the configuration: in a variable, in a file of its own, or in the file itself. One that is not there
//! is no fault of the configuration: it is one of what needs it, which says so when it is used.

use std::fmt;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use toml::Spanned;

use super::fault::ConfigError;
use super::file::Document;
use super::{Places, Vars};
use crate::sources::notify::Secret;

/// A file with a secret in it is a line. Bytes.
const MAX_SECRET: u64 = 64 << 10;

/// A secret, or why it cannot be had.
pub type Given = Result<Secret, String>;

/// A secret in the file. A value of another type is refused without being repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretText(pub Secret);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct V;
        const WRONG: &str = "wrong type, expected a string";
        impl Visitor<'_> for V {
            type Value = SecretText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_str<E: de::Error>(self, v: &str) -> Result<SecretText, E> {
                Ok(SecretText(Secret::new(v)))
            }

            fn visit_i64<E: de::Error>(self, _: i64) -> Result<SecretText, E> {
                Err(E::custom(WRONG))
            }

            fn visit_u64<E: de::Error>(self, _: u64) -> Result<SecretText, E> {
                Err(E::custom(WRONG))
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<SecretText, E> {
                Err(E::custom(WRONG))
            }
        }
        deserializer.deserialize_any(V)
    }
}

/// The three ways to give one secret.
pub(super) struct Ways<'a> {
    /// The table's name.
    pub table: &'static str,
    /// The key without `_env` or `_file`.
    pub key: &'static str,
    pub value: Option<&'a Spanned<SecretText>>,
    pub env: Option<&'a Spanned<String>>,
    pub file: Option<&'a Spanned<String>>,
}

impl Ways<'_> {
    /// Where the first of them stands.
    pub fn span(&self) -> Option<Range<usize>> {
        let taken = [self.env.map(Spanned::span), self.file.map(Spanned::span), self.value.map(Spanned::span)];
        taken.into_iter().flatten().next()
    }

    /// What may stand there.
    pub fn allowed(&self) -> String {
        let key = self.key;
        format!("one of {key}_env = \"VARIABLE\", {key}_file = \"FILE\", {key} = \"…\"")
    }

    /// The secret and where it comes from, in words that do not hold it; `None` if no way is taken.
    pub fn read(
        &self,
        document: &Document,
        vars: &Vars,
        places: &Places,
    ) -> Result<Option<(Given, String)>, ConfigError> {
        let (table, key) = (self.table, self.key);
        let fault = |at, what: &str| {
            ConfigError::new(document.source(&at).to_string(), format!("{table}.{key} is {what}"), self.allowed())
        };
        let taken = [self.env.map(Spanned::span), self.file.map(Spanned::span), self.value.map(Spanned::span)];
        if let Some(second) = taken.into_iter().flatten().nth(1) {
            return Err(fault(second, "there twice"));
        }
        if let Some(name) = self.env {
            let name = name.get_ref();
            let value = vars.get(name).filter(|v| !v.trim().is_empty());
            let given = value.map(Secret::new).ok_or_else(|| format!("the variable {name} is not set"));
            return Ok(Some((given, format!("{key} of variable {name}"))));
        }
        if let Some(file) = self.file {
            let path = document.place(file.get_ref(), places);
            let shown = path.display().to_string();
            let given = secret_in(&path).map_err(|fault| format!("{shown}: {fault}"));
            return Ok(Some((given, format!("{key} of file {shown}"))));
        }
        match self.value {
            None => Ok(None),
            Some(value) if value.get_ref().0.expose().is_empty() => Err(fault(value.span(), "empty")),
            Some(value) => Ok(Some((Ok(value.get_ref().0.clone()), format!("{key} ******")))),
        }
    }
}

/// The secret that a file holds.
fn secret_in(path: &Path) -> Result<Secret, String> {
    if !std::fs::metadata(path).map_err(|e| e.to_string())?.is_file() {
        return Err("not a file".to_owned());
    }
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    file.take(MAX_SECRET + 1).read_to_string(&mut text).map_err(|e| e.to_string())?;
    match text.trim() {
        "" => Err("the file is empty".to_owned()),
        _ if text.len() as u64 > MAX_SECRET => Err("the file is too large for a secret".to_owned()),
        secret => Ok(Secret::new(secret)),
    }
}
