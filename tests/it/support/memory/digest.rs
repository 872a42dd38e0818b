//! What the model says of bytes: an entity tag and a checksum, equal for equal bytes, as on S3.

use lakeward::lake::{Checksum, ETag};
use sha2::{Digest, Sha256};

/// What both are made of.
pub fn of(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

/// The entity tag of an object that was written at once: 32 hexadecimal digits.
pub fn etag(digest: &[u8]) -> ETag {
    ETag(digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect())
}

/// That of one written in parts.
pub fn etag_of_parts(bytes: &[u8], parts: usize) -> ETag {
    ETag(format!("{}-{parts}", etag(&of(&[bytes, b"parts"].concat())).0))
}

/// The checksum over the whole object.
pub fn checksum(digest: &[u8]) -> Checksum {
    Checksum { algorithm: "SHA256".into(), value: base64(digest) }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |group: u32, n: u32| char::from(DIGITS[(group >> (18 - 6 * n)) as usize & 63]);
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let group = (0..3).fold(0, |group, n| group << 8 | u32::from(three.get(n).copied().unwrap_or_default()));
        let digits = three.len() as u32 + 1;
        text.extend((0..4).map(|n| if n < digits { digit(group, n) } else { '=' }));
    }
    text
}

#[test]
fn base64_as_everyone_writes_it() {
    for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
        assert_eq!(base64(bytes.as_bytes()), text);
    }
}
