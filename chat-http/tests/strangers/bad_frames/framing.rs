//! Frames that no client library sends, as bytes over real connections.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::server;
use crate::common::socket::Server;

const CONTINUE: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;
/// The bit that says that a frame is the last one of its message.
const LAST: u8 = 0x80;

/// A frame with a mask of zeros, which changes nothing.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | u8::try_from(length).unwrap()),
        length @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

/// What the server sends after these bytes until it ends the connection: its frames, by their first byte.
async fn heard(server: &Server, bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut stream = TcpStream::connect(server.addr).await.unwrap();
    let handshake = "GET /ws/chat?username=Alice HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(handshake.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    // The server may close before all is written.
    let (mut reader, mut writer) = stream.into_split();
    let reading = async {
        let mut answer = Vec::new();
        // A reset is an end, too.
        let _ended = reader.read_to_end(&mut answer).await;
        answer
    };
    let both = async { tokio::join!(writer.write_all(bytes), reading) };
    let (_written, answer) = timeout(Duration::from_secs(20), both).await.expect("an end");
    let mut frames = frames(&answer);
    let hello = frames.remove(0);
    assert!(hello.1.starts_with(b"{\"type\":\"hello\""), "{hello:?}");
    frames
}

fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let [first, length, rest @ ..] = bytes {
        let (length, rest) = match length {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            length => (usize::from(*length), rest),
        };
        frames.push((*first, rest[..length].to_vec()));
        bytes = &rest[length..];
    }
    frames
}

/// The code with which the server closes after these bytes.
async fn closed_with(server: &Server, bytes: &[u8]) -> u16 {
    let frames = heard(server, bytes).await;
    let (first, payload) = frames.last().unwrap_or_else(|| panic!("no close after {bytes:.64?}"));
    assert_eq!(*first, LAST | CLOSE, "{frames:?}");
    u16::from_be_bytes([payload[0], payload[1]])
}

async fn assert_closed(rows: impl IntoIterator<Item = (&str, Vec<u8>, u16)>) {
    let server = server().await;
    for (what, bytes, code) in rows {
        assert_eq!(closed_with(&server, &bytes).await, code, "{what}");
    }
}

const BEGIN: &[u8] = b"{\"type\":";

#[tokio::test]
async fn w7_w8_headers_that_no_client_sends() {
    let unmasked = vec![LAST | TEXT, 1, b'x'];
    let mut rows = vec![
        ("an unmasked text", unmasked, 1002),
        ("an unmasked ping", vec![LAST | PING, 0], 1002),
        ("the first reserved bit", frame(LAST | 0x40 | TEXT, b"{}"), 1002),
        ("the second reserved bit", frame(LAST | 0x20 | TEXT, b"{}"), 1002),
        ("the third reserved bit", frame(LAST | 0x10 | TEXT, b"{}"), 1002),
        ("a reserved bit of a ping", frame(LAST | 0x40 | PING, b""), 1002),
    ];
    let unknown = (0x3..=0x7).chain(0xb..=0xf);
    rows.extend(unknown.map(|opcode| ("an unknown opcode", frame(LAST | opcode, b""), 1002)));
    assert_closed(rows).await;
}

#[tokio::test]
async fn w9_w10_frames_in_the_wrong_place() {
    let begun = |then: Vec<u8>| [frame(TEXT, BEGIN), then].concat();
    assert_closed([
        ("a long ping", frame(LAST | PING, &[b'x'; 126]), 1002),
        ("a long pong", frame(LAST | PONG, &[b'x'; 126]), 1002),
        ("a long close", frame(LAST | CLOSE, &[[0x03, 0xe8].to_vec(), vec![b'x'; 124]].concat()), 1002),
        ("a ping in pieces", frame(PING, b"x"), 1002),
        ("a close in pieces", frame(CLOSE, b""), 1002),
        ("a continuation of nothing", frame(LAST | CONTINUE, b"x"), 1002),
        ("the begin of a continuation of nothing", frame(CONTINUE, b"x"), 1002),
        ("a text within a text", begun(frame(LAST | TEXT, b"{}")), 1002),
        ("a binary within a text", begun(frame(LAST | BINARY, b"x")), 1002),
    ])
    .await;
}

#[tokio::test]
async fn w11_text_that_is_no_utf_8() {
    let text = |bytes: &[u8]| frame(LAST | TEXT, bytes);
    assert_closed([
        ("a byte that is none", text(b"\xff"), 1007),
        ("half a character", text(b"\xc3"), 1007),
        ("half of a surrogate pair", text(b"\xed\xa0\x80"), 1007),
        ("an overlong slash", text(b"\xc0\xaf"), 1007),
        ("beyond Unicode", text(b"\xf4\x90\x80\x80"), 1007),
        ("in the second piece", [frame(TEXT, BEGIN), frame(LAST | CONTINUE, b"\xff")].concat(), 1007),
        ("half a character at the end", [frame(TEXT, b"\xc3"), frame(LAST | CONTINUE, b"x")].concat(), 1007),
        ("before its message is whole", frame(TEXT, b"\xff\xff\xff"), 1007),
    ])
    .await;
}

#[tokio::test]
async fn w12_a_text_may_be_cut_anywhere() {
    let server = server().await;
    let text = "{\"type\":\"ping\",\"ref\":\"\u{e9}\u{1f600}\"}".as_bytes();
    for cut in 1..text.len() {
        let pieces = [
            frame(TEXT, &text[..cut]),
            frame(LAST | PING, b"between"),
            frame(CONTINUE, b""),
            frame(LAST | CONTINUE, &text[cut..]),
            frame(LAST | CLOSE, b""),
        ];
        let frames = heard(&server, &pieces.concat()).await;
        assert_eq!(frames[0], (LAST | PONG, b"between".to_vec()), "{cut}");
        let answer = serde_json::from_slice::<serde_json::Value>(&frames[1].1).unwrap();
        assert_eq!(answer, serde_json::json!({"type": "pong", "ref": "\u{e9}\u{1f600}"}), "{cut}");
    }
}

#[tokio::test]
async fn w13_messages_that_are_too_large() {
    let declared = |length: u64| {
        let mut bytes = vec![LAST | TEXT, 0x80 | 127];
        bytes.extend(length.to_be_bytes());
        bytes.extend(b"\0\0\0\0x");
        bytes
    };
    let half = vec![b'x'; 128 << 10];
    assert_closed([
        ("one byte too many", frame(LAST | TEXT, &vec![b'x'; (256 << 10) + 1]), 1009),
        (
            "pieces that add up",
            [frame(TEXT, &half), frame(CONTINUE, &half), frame(LAST | CONTINUE, b"x")].concat(),
            1009,
        ),
        ("a length that is declared", declared((256 << 10) + 1), 1009),
        ("the largest length", declared(u64::MAX >> 1), 1009),
        ("a length with the highest bit", declared(1 << 63), 1009),
        ("a length that cannot be", declared(u64::MAX), 1009),
        ("within a message", [frame(TEXT, BEGIN), vec![LAST, 0xff, 0x7f], vec![0xff; 7], vec![0; 4]].concat(), 1009),
    ])
    .await;
}

/// A length is written in as few bytes as it needs (RFC 6455, section 5.2).
#[tokio::test]
async fn w14_lengths_that_are_written_too_long() {
    let short_in_two = [vec![LAST | TEXT, 0xfe, 0, 2], vec![0; 4], b"{}".to_vec()].concat();
    let short_in_eight = [vec![LAST | TEXT, 0xff, 0, 0, 0, 0, 0, 0, 0, 2], vec![0; 4], b"{}".to_vec()].concat();
    let long_in_eight = [vec![LAST | TEXT, 0xff, 0, 0, 0, 0, 0, 0, 0, 200], vec![0; 4], vec![b' '; 200]].concat();
    assert_closed([
        ("a short one in two bytes", short_in_two, 1002),
        ("a short one in eight bytes", short_in_eight, 1002),
        ("a longer one in eight bytes", long_in_eight, 1002),
    ])
    .await;
}

#[tokio::test]
async fn w14_pieces_without_bytes() {
    let mut flood = frame(TEXT, b"");
    (0..10_000).for_each(|_| flood.extend(frame(CONTINUE, b"")));
    assert_closed([("pieces without bytes", flood, 1008)]).await;
}

#[tokio::test]
async fn w15_closes_that_are_none() {
    let close = |payload: &[u8]| frame(LAST | CLOSE, payload);
    let coded = |code: u16| close(&code.to_be_bytes());
    let mut rows = vec![
        ("one byte", close(b"x"), 1002),
        ("a reason that is no text", close(b"\x03\xe8\xff"), 1007),
        ("a reason with an overlong character", close(b"\x03\xe8\xc0\xaf"), 1007),
    ];
    let codes = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535];
    rows.extend(codes.map(|code| ("a code that nobody may send", coded(code), 1002)));
    assert_closed(rows).await;
}

#[tokio::test]
async fn w16_a_close_is_echoed_and_nothing_after_it_is_read() {
    let server = server().await;
    for code in [None, Some(1000_u16), Some(1001), Some(3000), Some(4000), Some(4999)] {
        let payload = code.map(|code| code.to_be_bytes().to_vec()).unwrap_or_default();
        let ping = frame(LAST | TEXT, b"{\"type\":\"ping\"}");
        let bytes = [frame(LAST | CLOSE, &payload), ping, frame(0x7f, b"no frame")].concat();
        let frames = heard(&server, &bytes).await;
        let [(first, echoed)] = &*frames else { panic!("{code:?}: {frames:?}") };
        assert_eq!((*first, echoed), (LAST | CLOSE, &payload), "{code:?}");
    }
}

#[tokio::test]
async fn w17_only_text_is_spoken() {
    let pieces = [frame(BINARY, b"{\"type\""), frame(LAST | CONTINUE, b":\"ping\"}")].concat();
    assert_closed([
        ("binary", frame(LAST | BINARY, b"{\"type\":\"ping\"}"), 1003),
        ("nothing in binary", frame(LAST | BINARY, b""), 1003),
        ("binary in pieces", pieces, 1003),
    ])
    .await;
}
