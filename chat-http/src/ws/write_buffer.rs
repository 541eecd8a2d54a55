//! The frames that wait to be written to a socket.

use tokio_tungstenite::tungstenite::{
    self,
    protocol::frame::{
        FrameHeader,
        coding::{Control, Data, OpCode},
    },
};

/// Frames that wait to be written. Empty, it owns no memory: most sockets are idle most of the time, and are not to keep what the
/// last burst took.
#[derive(Debug, Default)]
pub(super) struct WriteBuffer {
    bytes: Vec<u8>,
    /// How many of them are written.
    written: usize,
}

impl WriteBuffer {
    /// Adds a text in one frame.
    pub(super) fn text(&mut self, text: &str) -> tungstenite::Result<()> {
        self.frame(OpCode::Data(Data::Text), text.as_bytes())
    }

    /// Adds a ping.
    pub(super) fn ping(&mut self) -> tungstenite::Result<()> {
        self.frame(OpCode::Control(Control::Ping), &[])
    }

    /// A server's frame has no mask, and a whole message.
    fn frame(&mut self, opcode: OpCode, payload: &[u8]) -> tungstenite::Result<()> {
        let (header, length) = (FrameHeader { opcode, ..FrameHeader::default() }, payload.len() as u64);
        self.bytes.reserve(header.len(length) + payload.len());
        header.format(length, &mut self.bytes)?;
        self.bytes.extend_from_slice(payload);
        Ok(())
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
            buffer.text(text).unwrap();
        }
        buffer.ping().unwrap();
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
        buffer.text("Hello").unwrap();
        buffer.extend(&[0x8a, 0]);
        buffer.advance(3);
        assert_eq!(buffer.rest(), b"ello\x8a\0");
        buffer.advance(6);
        assert_eq!((buffer.rest(), buffer.bytes.capacity()), (&[][..], 0));
        buffer.ping().unwrap();
        assert_eq!(buffer.rest(), [0x89, 0]);
    }
}
