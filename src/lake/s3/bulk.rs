//! Many deletes in one request. Its 200 says nothing: each object has an answer of its own in the body.

use std::collections::HashMap;

use aws_sdk_s3::types::{Delete, ObjectIdentifier};

use super::reply::quoted;
use super::{S3Lake, write};
use crate::lake::aws::fault::is_of_another;
use crate::lake::aws::jittered;
use crate::lake::{DELETE_LIMIT, ETag, ErrorClass, Key, Lake, LakeError};

/// What a conditional delete needs.
pub(super) const PERMISSION: &str = "s3:DeleteObject (and s3:GetObject, for its condition)";

/// The answer for one key: deleted, or a code and words.
type Said = Option<(String, Option<String>)>;

impl S3Lake {
    pub(super) async fn delete_many(&self, objects: &[(Key, ETag)]) -> Vec<Result<(), LakeError>> {
        if objects.len() > DELETE_LIMIT {
            let detail = format!("more than {DELETE_LIMIT} objects in one request");
            let error = |(key, _): &(Key, ETag)| LakeError::new(ErrorClass::Malformed, self.uri(&key.0), &*detail);
            return objects.iter().map(|object| Err(error(object))).collect();
        }
        let mut answers: Vec<Option<Result<(), LakeError>>> = vec![None; objects.len()];
        let (mut left, alone): (Vec<usize>, Vec<usize>) =
            (0..objects.len()).partition(|n| objects.get(*n).is_some_and(|(key, _)| fits_xml(&key.0)));
        let mut pauses = write::pauses();
        while !left.is_empty() {
            let again = self.delete_some(objects, &left, &mut answers).await;
            // Met another write: those few are asked for again, under the same condition.
            match pauses.next().filter(|_| !again.is_empty()) {
                Some(pause) => jittered(pause).await,
                None => break,
            }
            left = again;
        }
        for n in alone {
            if let Some((key, etag)) = objects.get(n) {
                let answer = self.delete_one(key, Some(etag)).await;
                answers.iter_mut().skip(n).take(1).for_each(|slot| *slot = Some(answer.clone()));
            }
        }
        let unanswered = |key: &Key| {
            LakeError::new(ErrorClass::Malformed, self.uri(&key.0), "the reply to a bulk delete does not name it")
        };
        objects.iter().zip(answers).map(|((key, _), answer)| answer.unwrap_or_else(|| Err(unanswered(key)))).collect()
    }

    /// One request for some of the objects; tells those that met another write.
    async fn delete_some(
        &self,
        objects: &[(Key, ETag)],
        which: &[usize],
        answers: &mut [Option<Result<(), LakeError>>],
    ) -> Vec<usize> {
        let some: Vec<(usize, &Key, &ETag)> =
            which.iter().filter_map(|n| objects.get(*n).map(|(key, etag)| (*n, key, etag))).collect();
        let mut answer = |n: usize, with: Result<(), LakeError>| {
            if let Some(slot) = answers.get_mut(n) {
                *slot = Some(with);
            }
        };
        let said = match self.delete_request(&some).await {
            Ok(said) => said,
            Err(error) => {
                // The request failed as a whole; its words are about each.
                for (n, key, _) in some {
                    answer(n, Err(LakeError { object: self.uri(&key.0), ..error.clone() }));
                }
                return Vec::new();
            }
        };
        let mut again = Vec::new();
        for (n, key, _) in some {
            match said.get(&self.full(&key.0)) {
                Some(None) => answer(n, Ok(())),
                Some(Some((code, message))) => {
                    if is_of_another(code) {
                        again.push(n);
                    }
                    answer(n, Err(self.asked(PERMISSION, &key.0).said(code, message.as_deref())));
                }
                None => {}
            }
        }
        again
    }

    async fn delete_request(&self, some: &[(usize, &Key, &ETag)]) -> Result<HashMap<String, Said>, LakeError> {
        let refused = |fault: String| LakeError::new(ErrorClass::Malformed, self.uri(""), fault);
        let identify = |(_, key, etag): &(usize, &Key, &ETag)| {
            ObjectIdentifier::builder().key(self.full(&key.0)).e_tag(quoted(etag)).build()
        };
        let identifiers =
            some.iter().map(identify).collect::<Result<Vec<_>, _>>().map_err(|e| refused(e.to_string()))?;
        let delete = Delete::builder().set_objects(Some(identifiers)).quiet(false).build();
        let delete = delete.map_err(|e| refused(e.to_string()))?;
        let client = self.client().await;
        self.counters.write();
        let out = client
            .delete_objects()
            .bucket(&self.settings.bucket)
            .set_expected_bucket_owner(self.owner())
            .delete(delete)
            .send()
            .await
            .map_err(|e| self.asked(PERMISSION, "").failed(&e))?;
        let deleted = out.deleted().iter().filter_map(|d| Some((d.key()?.to_owned(), None)));
        let failed = out.errors().iter().filter_map(|e| {
            let code = e.code().unwrap_or_default().to_owned();
            Some((e.key()?.to_owned(), Some((code, e.message().map(str::to_owned)))))
        });
        // An error of a key outweighs all else that is said of it.
        Ok(deleted.chain(failed).collect())
    }
}

/// Whether XML can carry a key and give it back as it was. Others are deleted one by one.
fn fits_xml(key: &str) -> bool {
    !key.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_xml_cannot_carry() {
        for key in ["a", "a b/<&>\"'", "\u{e9}/\u{1f600}", "%00"] {
            assert!(fits_xml(key), "{key:?}");
        }
        for key in ["a\u{1}", "a\r", "a\nb", "\u{85}", "\u{ffff}"] {
            assert!(!fits_xml(key), "{key:?}");
        }
    }
}
