//! Counts the frames of a client as their bytes come in, and the bytes of a message that has not arrived completely.
//! Fragments and control frames never reach the session, so nothing else would notice a flood of them.

use std::{error::Error, fmt, time::Duration};

use tokio::time::Instant;

/// The most fragments of a message: with 4 KiB each they make the largest message.
const FRAGMENTS: u32 = 64;
/// The most control frames in a period: 20 per second, and a burst after a pause of the network.
const CONTROL_FRAMES: (u32, Duration) = (60, Duration::from_secs(3));

/// What a client may not send, besides frames that tungstenite refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Violation {
    /// More control frames, or smaller fragments, than any purpose needs.
    Flood,
    /// A length in more bytes than it needs (RFC 6455, section 5.2).
    PaddedLength,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flood => "more control frames, or smaller fragments, than any purpose needs",
            Self::PaddedLength => "a length in more bytes than it needs",
        })
    }
}

impl Error for Violation {}

/// Follows the frames in a stream of bytes by their headers (RFC 6455, section 5.2), however the stream is cut into
/// reads. It does not check whether the frames are valid.
#[derive(Debug)]
pub(super) struct FrameLimits {
    header: [u8; 10],
    /// How many bytes of the header have come.
    filled: usize,
    /// How many bytes of the frame are still to come after its header.
    rest: u64,
    fragments: u32,
    control_frames: u32,
    /// When the current period of counting control frames began.
    since: Instant,
    /// When the unfinished message began, and how many of its bytes have come.
    begun: Option<Instant>,
    held: usize,
}

impl FrameLimits {
    pub(super) fn new(now: Instant) -> Self {
        Self { header: [0; 10], filled: 0, rest: 0, fragments: 0, control_frames: 0, since: now, begun: None, held: 0 }
    }

    /// When the unfinished message began.
    pub(super) const fn begun(&self) -> Option<Instant> {
        self.begun
    }

    /// How many bytes of the unfinished message have come.
    pub(super) const fn held(&self) -> usize {
        self.held
    }

    /// Counts these bytes.
    pub(super) fn pass(&mut self, mut bytes: &[u8], now: Instant) -> Result<(), Violation> {
        loop {
            let skipped = usize::try_from(self.rest).unwrap_or(usize::MAX).min(bytes.len());
            self.rest -= skipped as u64;
            self.held += skipped;
            if self.rest == 0 && self.filled == 0 && self.fragments == 0 {
                (self.begun, self.held) = (None, 0);
            }
            let Some((first, after)) = bytes[skipped..].split_first() else { return Ok(()) };
            bytes = after;
            self.begun.get_or_insert(now);
            self.header[self.filled] = *first;
            self.filled += 1;
            if self.filled >= 2 && self.filled == 2 + self.length_bytes() {
                self.rest = self.length()?;
                self.filled = 0;
                self.count(now)?;
            }
        }
    }

    /// How many bytes of extended length the header has.
    const fn length_bytes(&self) -> usize {
        match self.header[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        }
    }

    /// How many bytes follow the header: the mask, if there is one, and the payload.
    fn length(&self) -> Result<u64, Violation> {
        let mask = if self.header[1] & 0x80 == 0 { 0 } else { 4 };
        let bytes = self.length_bytes();
        let payload = match bytes {
            0 => u64::from(self.header[1] & 0x7f),
            _ => self.header[2..2 + bytes].iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
        };
        let least = match bytes {
            0 => 0,
            2 => 126,
            _ => 1 << 16,
        };
        if payload < least { Err(Violation::PaddedLength) } else { Ok(payload.saturating_add(mask)) }
    }

    fn count(&mut self, now: Instant) -> Result<(), Violation> {
        let [first, ..] = self.header;
        let is_control = first & 0x08 != 0;
        let is_last = first & 0x80 != 0;
        if is_control {
            if now.duration_since(self.since) >= CONTROL_FRAMES.1 {
                (self.since, self.control_frames) = (now, 0);
            }
            self.control_frames += 1;
        } else {
            self.fragments += 1;
        }
        if self.fragments > FRAGMENTS || self.control_frames > CONTROL_FRAMES.0 {
            return Err(Violation::Flood);
        }
        if is_last && !is_control {
            self.fragments = 0;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTINUATION: u8 = 0x00;
    const TEXT: u8 = 0x01;
    const PING: u8 = 0x89;
    const LAST: u8 = 0x80;

    /// A masked frame of this many bytes.
    fn frame(first: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match u16::try_from(length) {
            Ok(short @ 0..126) => frame.push(0x80 | short as u8),
            Ok(length) => {
                frame.push(0x80 | 126);
                frame.extend(length.to_be_bytes());
            }
            Err(_) => {
                frame.push(0x80 | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        // The mask and the payload look like headers, to show that they are not read as such.
        frame.resize(frame.len() + 4 + length, PING);
        frame
    }

    /// How many of these frames are accepted.
    fn passed(frames: impl Iterator<Item = Vec<u8>>) -> usize {
        let now = Instant::now();
        let mut limits = FrameLimits::new(now);
        frames.take_while(|frame| limits.pass(frame, now).is_ok()).count()
    }

    #[test]
    fn a_message_has_only_so_many_fragments() {
        let fragments = [frame(TEXT, 1)].into_iter().chain((0..1_000).map(|_| frame(CONTINUATION, 1)));
        assert_eq!(passed(fragments), 64);
        let empty = [frame(TEXT, 0)].into_iter().chain((0..1_000).map(|_| frame(CONTINUATION, 0)));
        assert_eq!(passed(empty), 64);
    }

    #[test]
    fn messages_may_be_many_and_their_fragments_begin_anew() {
        let messages = (0..1_000).map(|_| {
            let middle = (0..62).flat_map(|_| frame(CONTINUATION, 4_000));
            frame(TEXT, 4_000).into_iter().chain(middle).chain(frame(CONTINUATION | LAST, 4_000)).collect()
        });
        assert_eq!(passed(messages.take(20)), 20);
        assert_eq!(passed((0..1_000).map(|_| frame(TEXT | LAST, 70_000)).take(50)), 50);
    }

    #[test]
    fn control_frames_come_only_so_fast() {
        assert_eq!(passed((0..1_000).map(|_| frame(PING, 0))), 60);
        let start = Instant::now();
        let mut limits = FrameLimits::new(start);
        for second in 0..60 {
            for _ in 0..20 {
                limits.pass(&frame(PING, 125), start + Duration::from_secs(second)).unwrap();
            }
        }
    }

    #[test]
    fn it_does_not_matter_how_the_bytes_are_cut() {
        let mut stream: Vec<u8> = Vec::new();
        for length in [0, 1, 125, 126, 300, 65_535, 65_536, 200_000] {
            stream.extend(frame(TEXT, length));
            stream.extend(frame(PING, 5));
            stream.extend(frame(CONTINUATION | LAST, length));
        }
        let now = Instant::now();
        for size in [1, 2, 3, 7, 4_096, stream.len()] {
            let mut limits = FrameLimits::new(now);
            for piece in stream.chunks(size) {
                limits.pass(piece, now).unwrap();
            }
            assert_eq!((limits.control_frames, limits.fragments, limits.filled, limits.rest), (8, 0, 0, 0), "{size}");
        }
    }

    #[test]
    fn a_message_is_held_from_its_first_byte_until_it_is_whole() {
        let (start, later) = (Instant::now(), Instant::now() + Duration::from_secs(5));
        let mut limits = FrameLimits::new(start);
        limits.pass(&frame(TEXT | LAST, 100), start).unwrap();
        assert_eq!((limits.begun(), limits.held()), (None, 0));
        // A fragment, a ping between fragments, and half of the last fragment; the next message begins in the same
        // read.
        limits.pass(&frame(TEXT, 100), start).unwrap();
        limits.pass(&frame(PING, 5), later).unwrap();
        assert_eq!(limits.begun(), Some(start));
        let last = frame(CONTINUATION | LAST, 100);
        limits.pass(&last[..50], later).unwrap();
        assert_eq!(limits.begun(), Some(start));
        assert!((144..200).contains(&limits.held()), "{}", limits.held());
        limits.pass(&[&last[50..], &[TEXT | LAST][..]].concat(), later).unwrap();
        assert_eq!((limits.begun(), limits.held()), (Some(later), 0));
    }

    #[test]
    fn w14_a_length_is_written_in_as_few_bytes_as_it_needs() {
        for (length, is_good) in [
            (&[0xfe, 0, 125][..], false),
            (&[0xfe, 0, 126], true),
            (&[0xff, 0, 0, 0, 0, 0, 0, 0, 0], false),
            (&[0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff], false),
            (&[0xff, 0, 0, 0, 0, 0, 1, 0, 0], true),
        ] {
            let passed = FrameLimits::new(Instant::now()).pass(&[&[TEXT], length].concat(), Instant::now());
            assert_eq!(passed, if is_good { Ok(()) } else { Err(Violation::PaddedLength) }, "{length:?}");
        }
    }

    #[test]
    fn a_length_that_cannot_be_is_survived() {
        let now = Instant::now();
        let mut limits = FrameLimits::new(now);
        limits.pass(&[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3], now).unwrap();
    }
}
