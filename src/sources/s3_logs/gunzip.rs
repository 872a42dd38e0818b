//! Gzip, a piece at a time: what was read stays good when a later piece is missing or damaged, and a small piece that
//! unfolds to gigabytes fills no memory. <https://www.rfc-editor.org/rfc/rfc1952>

use flate2::{Crc, Decompress, FlushDecompress, Status};

/// What one step gives at most. 64 KiB.
const STEP: usize = 64 << 10;
/// The longest header: names and comments have no bound of their own.
const HEADER: usize = 64 << 10;

/// What every member begins with.
pub const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The text of an object, as far as it has been given.
#[derive(Debug)]
pub struct Gunzip {
    stage: Stage,
    inflate: Decompress,
    crc: Crc,
    /// Whether a member is whole.
    whole: bool,
}

#[derive(Debug)]
enum Stage {
    Header(Vec<u8>),
    Body,
    Trailer(Vec<u8>),
}

impl Default for Gunzip {
    fn default() -> Self {
        Self { stage: Stage::Header(Vec::new()), inflate: Decompress::new(false), crc: Crc::new(), whole: false }
    }
}

impl Gunzip {
    /// Takes some of `input`, which is not empty, and appends at most 64 KiB of text. The error says what is damaged;
    /// what was appended before it is good as far as it can be known.
    pub fn step(&mut self, input: &mut &[u8], text: &mut Vec<u8>) -> Result<(), &'static str> {
        match &mut self.stage {
            Stage::Header(seen) => {
                let Some((first, rest)) = input.split_first() else { return Ok(()) };
                *input = rest;
                if seen.is_empty() && *first == 0 && self.whole {
                    return Ok(()); // padding behind the end
                }
                seen.push(*first);
                if is_header(seen)? {
                    self.stage = Stage::Body;
                    self.inflate.reset(false);
                    self.crc.reset();
                }
                Ok(())
            }
            Stage::Body => self.inflate(input, text),
            Stage::Trailer(seen) => {
                let (taken, rest) = input.split_at(input.len().min(8 - seen.len()));
                seen.extend_from_slice(taken);
                *input = rest;
                let Some((crc, size)) = seen.split_first_chunk::<4>().filter(|(_, size)| size.len() == 4) else {
                    return Ok(());
                };
                let sound = *crc == self.crc.sum().to_le_bytes() && *size == self.crc.amount().to_le_bytes();
                self.stage = Stage::Header(Vec::new());
                self.whole = true;
                if sound { Ok(()) } else { Err("its checksum is wrong") }
            }
        }
    }

    /// Whether it may end here.
    pub fn is_whole(&self) -> bool {
        self.whole && matches!(&self.stage, Stage::Header(seen) if seen.is_empty())
    }

    fn inflate(&mut self, input: &mut &[u8], text: &mut Vec<u8>) -> Result<(), &'static str> {
        let start = text.len();
        text.resize(start + STEP, 0);
        let (taken, given) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(input, &mut text[start..], FlushDecompress::None);
        let count = |now: u64, before: u64| usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX);
        let taken = count(self.inflate.total_in(), taken).min(input.len());
        let given = count(self.inflate.total_out(), given).min(STEP);
        text.truncate(start + given);
        self.crc.update(&text[start..]);
        *input = &input[taken..];
        match status {
            Ok(Status::StreamEnd) => self.stage = Stage::Trailer(Vec::new()),
            // No progress with input left is none for ever.
            Ok(_) if taken == 0 && given == 0 && !input.is_empty() => return Err("it is damaged"),
            Ok(_) => {}
            Err(_) => return Err("it is damaged"),
        }
        Ok(())
    }
}

/// Whether these bytes are a whole header of a member.
fn is_header(seen: &[u8]) -> Result<bool, &'static str> {
    let sound = MAGIC.iter().zip(seen).all(|(magic, byte)| magic == byte) && seen.get(2).is_none_or(|how| *how == 8);
    if !sound || seen.len() > HEADER {
        return Err("it is not gzip");
    }
    let Some((fixed, mut rest)) = seen.split_at_checked(10) else { return Ok(false) };
    let has = |flag: u8| fixed[3] & flag != 0;
    if has(4) {
        let Some((length, behind)) = rest.split_first_chunk::<2>() else { return Ok(false) };
        let Some((_, behind)) = behind.split_at_checked(u16::from_le_bytes(*length).into()) else { return Ok(false) };
        rest = behind;
    }
    for flag in [8, 16] {
        if has(flag) {
            let Some(end) = rest.iter().position(|byte| *byte == 0) else { return Ok(false) };
            rest = &rest[end + 1..];
        }
    }
    Ok(!has(2) || rest.len() >= 2)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
pub(super) mod tests {
    use std::io::Write;

    use flate2::{Compression, GzBuilder};
    use proptest::prelude::*;

    use super::*;

    /// A member with all that a header can hold.
    pub fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzBuilder::new()
            .filename("stderr")
            .comment("x")
            .extra(vec![1, 2, 3])
            .write(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// What can be read of bytes that come in pieces.
    fn read(bytes: &[u8], piece: usize) -> (Vec<u8>, Result<bool, &'static str>) {
        let (mut gunzip, mut text) = (Gunzip::default(), Vec::new());
        for mut input in bytes.chunks(piece) {
            while !input.is_empty() {
                let before = text.len();
                if let Err(damage) = gunzip.step(&mut input, &mut text) {
                    return (text, Err(damage));
                }
                assert!(text.len() - before <= STEP);
            }
        }
        // What is left inside once the input is used up.
        loop {
            let before = text.len();
            if gunzip.step(&mut &[][..], &mut text).is_err() || text.len() == before {
                return (text, Ok(gunzip.is_whole()));
            }
        }
    }

    #[test]
    fn damage_leaves_what_came_before_it() {
        let words: String = (0..50_000).map(|n| format!("line {} {n}\n", n * 7919 % 10_007)).collect();
        let whole = gzip(words.as_bytes());
        let (text, end) = read(&whole[..whole.len() / 2], 4_096);
        assert!(end == Ok(false) && text.len() > words.len() / 3 && words.as_bytes().starts_with(&text));
        let mut flipped = whole.clone();
        let middle = whole.len() / 2;
        flipped[middle..middle + 64].fill(0xff);
        let (text, end) = read(&flipped, 4_096);
        assert!(end.is_err() && text.len() > words.len() / 4, "{end:?} {}", text.len());
        let mut checked = whole.clone();
        let last = whole.len() - 5;
        checked[last] ^= 1;
        assert_eq!(read(&checked, 4_096), (words.into_bytes(), Err("its checksum is wrong")));
        assert_eq!(read(b"no gzip", 3).1, Err("it is not gzip"));
    }

    #[test]
    fn a_small_piece_that_unfolds_comes_in_steps() {
        let bomb = gzip(&vec![b'x'; 20 << 20]);
        assert!(bomb.len() < 1 << 20);
        let (text, end) = read(&bomb, usize::MAX);
        assert_eq!((text.len(), end), (20 << 20, Ok(true)));
    }

    proptest! {
        #[test]
        fn members_and_padding_are_read_in_pieces_of_any_size(
            texts in proptest::collection::vec("\\PC{0,300}", 1..4), piece in 1_usize..50, padding in 0_usize..9
        ) {
            let mut bytes: Vec<u8> = texts.iter().flat_map(|text| gzip(text.as_bytes())).collect();
            bytes.extend(vec![0; padding]);
            prop_assert_eq!(read(&bytes, piece), (texts.concat().into_bytes(), Ok(true)));
        }

        #[test]
        fn any_bytes_are_read(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), piece in 1_usize..50) {
            let _ = read(&bytes, piece);
            bytes.splice(0..0, [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0]);
            let _ = read(&bytes, piece);
        }
    }
}
