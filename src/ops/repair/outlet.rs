//! The way of a file's bytes from the thread that encodes them to the lake: counted and digested as they pass, and an
//! object only if they end as they should.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::lake::{ErrorClass, LakeError, Pieces};
use crate::rows::repair::Outlet;

/// Bytes handed on at once.
const PIECE: usize = 1 << 20;
/// Pieces on their way.
const WAITING: usize = 4;

/// What is known of a file that was handed on whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sent {
    /// Bytes.
    pub size: u64,
    /// SHA-256, in hex; empty until the file is whole.
    pub sha256: String,
}

enum Sending {
    Piece(Bytes),
    End,
}

/// The end that is written to.
pub(super) struct Pipe {
    sender: Sender<Sending>,
    held: Vec<u8>,
}

/// A pipe: the end that is written to, the pieces that come out of it, and what will be known of them. Pieces that stop
/// without an end are an error, so that no half of a file becomes an object.
pub(super) fn pipe(uri: String) -> (Pipe, Pieces, Arc<Mutex<Sent>>) {
    let (sender, receiver) = channel(WAITING);
    let sent = Arc::<Mutex<Sent>>::default();
    let pipe = Pipe { sender, held: Vec::with_capacity(PIECE) };
    let end = Way { receiver, uri, digest: Sha256::new(), size: 0, sent: Arc::clone(&sent) };
    (pipe, stream::unfold(Some(end), next).boxed(), sent)
}

/// The end that is read from. It counts and digests: whoever encodes has enough to do.
struct Way {
    receiver: Receiver<Sending>,
    uri: String,
    digest: Sha256,
    size: u64,
    sent: Arc<Mutex<Sent>>,
}

async fn next(way: Option<Way>) -> Option<(Result<Bytes, LakeError>, Option<Way>)> {
    let mut way = way?;
    match way.receiver.recv().await {
        Some(Sending::Piece(piece)) => {
            way.digest.update(&piece);
            way.size += piece.len() as u64;
            Some((Ok(piece), Some(way)))
        }
        Some(Sending::End) => {
            let sha256 = way.digest.finalize().iter().map(|b| format!("{b:02x}")).collect();
            *way.sent.lock().unwrap_or_else(PoisonError::into_inner) = Sent { size: way.size, sha256 };
            None
        }
        None => Some((Err(LakeError::new(ErrorClass::Unreachable, way.uri, BROKEN_OFF)), None)),
    }
}

/// Said of a file that was given up.
pub(super) const BROKEN_OFF: &str = "it was not written to its end";

impl Pipe {
    fn hand_on(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::replace(&mut self.held, Vec::with_capacity(PIECE)));
        self.send(Sending::Piece(piece))
    }

    fn send(&self, what: Sending) -> io::Result<()> {
        self.sender.blocking_send(what).map_err(|_| io::Error::other("the lake takes no more of it"))
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= PIECE {
            self.hand_on()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Outlet for Pipe {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.hand_on()?;
        self.send(Sending::End)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use futures::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn what_ends_is_whole_and_what_is_dropped_is_an_error() {
        let (pipe, pieces, sent) = pipe("s3://b/k".into());
        let writing = tokio::task::spawn_blocking(move || {
            let mut pipe = Box::new(pipe);
            for n in 0..5_u8 {
                pipe.write_all(&vec![n; 700_000]).unwrap();
            }
            pipe.finish().unwrap();
        });
        let got: Vec<Bytes> = pieces.try_collect().await.unwrap();
        writing.await.unwrap();
        assert_eq!(got.iter().map(Bytes::len).sum::<usize>(), 3_500_000);
        let sent = sent.lock().unwrap().clone();
        assert_eq!((sent.size, sent.sha256.len()), (3_500_000, 64));

        let (mut pipe, pieces, sent) = super::pipe("s3://b/k".into());
        pipe.write_all(b"half").unwrap();
        drop(pipe);
        let error = pieces.try_collect::<Vec<_>>().await.unwrap_err();
        assert_eq!(error.detail, BROKEN_OFF);
        assert_eq!(*sent.lock().unwrap(), Sent::default());
    }
}
