//! Reads a socket in large pieces for a caller with a small buffer.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, ReadBuf};

/// What was read from a stream beyond what its caller had room for. Empty, it owns no memory: an idle socket costs little, and a
/// busy one few reads.
#[derive(Debug, Default)]
pub(super) struct ReadAhead {
    bytes: Vec<u8>,
    /// How many of them were taken.
    taken: usize,
}

/// How much is read at once.
const PIECE: usize = 8 << 10;

thread_local! {
    /// Where all sockets of this thread read to.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; PIECE]);
}

impl ReadAhead {
    /// Reads what was left over, or else from the stream.
    pub(super) fn poll_read<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.bytes.is_empty() {
            self.give(buf);
            return Poll::Ready(Ok(()));
        }
        if buf.remaining() >= PIECE {
            return Pin::new(stream).poll_read(cx, buf);
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let mut read = ReadBuf::new(scratch);
            ready!(Pin::new(stream).poll_read(cx, &mut read))?;
            let (fits, rest) = read.filled().split_at(buf.remaining().min(read.filled().len()));
            buf.put_slice(fits);
            self.bytes = rest.to_vec();
            Poll::Ready(Ok(()))
        })
    }

    /// Gives as much of what was left over as there is room for.
    fn give(&mut self, buf: &mut ReadBuf<'_>) {
        let rest = &self.bytes[self.taken..];
        let fits = &rest[..buf.remaining().min(rest.len())];
        buf.put_slice(fits);
        self.taken += fits.len();
        if self.taken == self.bytes.len() {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures::FutureExt;
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    async fn read<S: AsyncRead + Unpin>(ahead: &mut ReadAhead, stream: &mut S, most: usize) -> io::Result<Vec<u8>> {
        let mut place = vec![0; most];
        let mut buf = ReadBuf::new(&mut place);
        poll_fn(|cx| ahead.poll_read(stream, cx, &mut buf)).await?;
        Ok(buf.filled().to_vec())
    }

    #[tokio::test]
    async fn what_had_no_room_comes_next() {
        let (mut stream, mut client) = duplex(64);
        let mut ahead = ReadAhead::default();
        client.write_all(b"abcdefgh").await.unwrap();
        assert_eq!(read(&mut ahead, &mut stream, 3).await.unwrap(), b"abc");
        client.write_all(b"ij").await.unwrap();
        assert_eq!(read(&mut ahead, &mut stream, 3).await.unwrap(), b"def");
        assert_eq!(read(&mut ahead, &mut stream, 3).await.unwrap(), b"gh");
        assert_eq!(ahead.bytes.capacity(), 0);
        assert_eq!(read(&mut ahead, &mut stream, 3).await.unwrap(), b"ij");
        assert!(read(&mut ahead, &mut stream, 3).now_or_never().is_none());
        drop(client);
        assert_eq!(read(&mut ahead, &mut stream, 3).await.unwrap(), b"");
    }
}
