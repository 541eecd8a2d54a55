//! The frames that wait to be written to a socket.

/// Frames that wait to be written. Empty, it owns no memory: most sockets are idle most of the time, and are not to keep what the
/// last burst took.
#[derive(Debug, Default)]
pub(super) struct WriteBuffer {
    bytes: Vec<u8>,
    /// How many of them are written.
    written: usize,
}

/// The kinds of frames that are put here as such (RFC 6455, section 5.2).
const TEXT: u8 = 0x1;
const PING: u8 = 0x9;
/// This frame is the whole message.
const FINAL: u8 = 0x80;

impl WriteBuffer {
    /// Adds a text in one frame.
    pub(super) fn text(&mut self, text: &str) {
        self.frame(TEXT, text.as_bytes());
    }

    /// Adds a ping.
    pub(super) fn ping(&mut self) {
        self.frame(PING, &[]);
    }

    /// A server's frame: without a mask, and with its length in as few bytes as it needs.
    fn frame(&mut self, kind: u8, payload: &[u8]) {
        self.bytes.reserve(LONGEST_HEADER + payload.len());
        self.bytes.push(FINAL | kind);
        match payload.len() {
            len @ 0..126 => self.bytes.push(u8::try_from(len).unwrap_or_default()),
            len => match u16::try_from(len) {
                Ok(len) => {
                    self.bytes.push(126);
                    self.bytes.extend(len.to_be_bytes());
                }
                Err(_) => {
                    self.bytes.push(127);
                    self.bytes.extend((len as u64).to_be_bytes());
                }
            },
        }
        self.bytes.extend_from_slice(payload);
    }

    /// Adds whole frames.
    pub(super) fn extend(&mut self, frames: &[u8]) {
        self.bytes.extend_from_slice(frames);
    }

    /// What is not written yet.
    pub(super) fn rest(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    /// So many bytes more are written.
    pub(super) fn advance(&mut self, count: usize) {
        self.written += count;
        if self.written >= self.bytes.len() {
            *self = Self::default();
        }
    }
}

/// Two bytes, and a length in eight.
const LONGEST_HEADER: usize = 10;

#[cfg(test)]
mod tests {
    use tokio_tungstenite::tungstenite::{
        Message, WebSocket,
        protocol::{Role, WebSocketConfig},
    };

    use super::*;

    #[test]
    fn a_client_reads_the_frames_that_were_put_in() {
        let texts = [0, 1, 125, 126, 65_535, 65_536, 100_000].map(|len| "ü".repeat(len / 2) + &"x".repeat(len % 2));
        let mut buffer = WriteBuffer::default();
        for text in &texts {
            buffer.text(text);
        }
        buffer.ping();
        let mut socket = WebSocket::from_raw_socket(
            std::io::Cursor::new(buffer.rest().to_vec()),
            Role::Client,
            Some(WebSocketConfig::default()),
        );
        for text in texts {
            assert!(socket.read().unwrap() == Message::text(text));
        }
        assert_eq!(socket.read().unwrap(), Message::Ping(Vec::new().into()));
    }

    #[test]
    fn what_is_written_is_let_go_of() {
        let mut buffer = WriteBuffer::default();
        buffer.text("Hello");
        buffer.extend(&[0x8a, 0]);
        buffer.advance(3);
        assert_eq!(buffer.rest(), b"ello\x8a\0");
        buffer.advance(6);
        assert_eq!((buffer.rest(), buffer.bytes.capacity()), (&[][..], 0));
        buffer.ping();
        assert_eq!(buffer.rest(), [0x89, 0]);
    }
}
