//! Checks the head of a request, more strictly than hyper does. A head that two servers could understand differently is
//! refused, and each refusal says why.

use chat_core::Error;
use httparse::{EMPTY_HEADER, Header, Status};
use poem::http::{StatusCode, Uri};

use crate::{host::Authority, problem::Problem};

/// The most bytes a request line and its headers may have.
pub(crate) const MAX_HEAD: usize = 16 << 10;
/// The most headers there may be.
const MAX_HEADERS: usize = 100;

/// What a head says about the bytes that follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) body: Body,
    /// Whether the request asks for an upgrade. After that, the bytes may not be HTTP.
    pub(super) upgrades: bool,
}

/// How the body of a request is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    None,
    Length(u64),
    Chunked,
}

/// Finds the end of the head at the start of these bytes, if it has come; the first `from` bytes were searched before.
pub(super) fn end(bytes: &[u8], from: usize) -> Result<Option<usize>, Problem> {
    let fresh = bytes.iter().enumerate().take(MAX_HEAD).skip(from);
    for (at, _) in fresh.filter(|(_, byte)| **byte == b'\n') {
        if !bytes[..at].ends_with(b"\r") {
            return Err(malformed("a line ends with LF alone, without CR"));
        }
        if bytes[..=at].ends_with(b"\r\n\r\n") {
            return Ok(Some(at + 1));
        }
    }
    if bytes.len() >= MAX_HEAD {
        return Err(too_large(bytes));
    }
    // Other protocols, such as a TLS handshake, might never send an empty line. They are refused at the first bytes.
    if from == 0
        && let Err(error) = httparse::Request::new(&mut [EMPTY_HEADER; MAX_HEADERS]).parse(bytes)
    {
        return Err(broken(error));
    }
    Ok(None)
}

/// Checks a whole head.
pub(super) fn check(bytes: &[u8]) -> Result<Head, Problem> {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(Status::Complete(length)) if length == bytes.len() => {}
        Ok(_) => return Err(malformed("this is not an HTTP/1.1 request")),
        Err(error) => return Err(broken(error)),
    }
    let is_newest = request.version == Some(1);
    check_target(request.method.unwrap_or_default(), request.path.unwrap_or_default())?;
    check_host(request.headers, is_newest)?;
    let body = body(request.headers, is_newest)?;
    let mut expected = list(request.headers, "expect").filter(|_| is_newest);
    if expected.any(|what| !what.eq_ignore_ascii_case("100-continue")) {
        return Err(refuse("Expect", "must be 100-continue: no other expectation is supported")
            .status(StatusCode::EXPECTATION_FAILED));
    }
    let upgrades = list(request.headers, "upgrade").any(|protocol| protocol.eq_ignore_ascii_case("websocket"));
    if upgrades && body != Body::None {
        return Err(refuse("Upgrade", "is not allowed in a request with a body"));
    }
    Ok(Head { body, upgrades })
}

fn check_target(method: &str, target: &str) -> Result<(), Problem> {
    let is_connect = method == "CONNECT";
    match target.parse::<Uri>() {
        // Only CONNECT has a target of the form `host:port`.
        Ok(uri) if is_connect || uri.authority().is_none() || uri.scheme().is_some() => Ok(()),
        Ok(_) | Err(_) => Err(malformed("the target of the request is neither a path nor a URL")),
    }
}

/// Requires exactly one `Host`, which only HTTP/1.0 may leave out (RFC 9112, section 3.2).
fn check_host(headers: &[Header<'_>], is_newest: bool) -> Result<(), Problem> {
    let mut hosts = values(headers, "host");
    match (hosts.next(), hosts.next()) {
        (None, _) if is_newest => Err(refuse("Host", "is missing")),
        (None, _) => Ok(()),
        (Some(_), Some(_)) => Err(refuse("Host", "must be given once")),
        (Some(host), None) if host.and_then(Authority::parse).is_some() => Ok(()),
        (Some(_), None) => Err(refuse("Host", "must be a host, and a port if there is one")),
    }
}

/// Requires an unambiguous body: a length or chunks, not both (RFC 9112, section 6).
fn body(headers: &[Header<'_>], is_newest: bool) -> Result<Body, Problem> {
    let mut lengths = values(headers, "content-length");
    let length = lengths.next();
    if lengths.next().is_some() {
        return Err(refuse("Content-Length", "must be given once"));
    }
    if values(headers, "transfer-encoding").next().is_some() {
        return chunked(headers, is_newest, length.is_some());
    }
    let Some(length) = length else { return Ok(Body::None) };
    let digits = length.filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
    match digits.and_then(|digits| digits.parse().ok()) {
        Some(0) => Ok(Body::None),
        Some(length) if length < LARGEST => Ok(Body::Length(length)),
        _ => Err(refuse("Content-Length", "must be a number of bytes")),
    }
}

fn chunked(headers: &[Header<'_>], is_newest: bool, has_length: bool) -> Result<Body, Problem> {
    let wrong = |why| Err(refuse("Transfer-Encoding", why));
    if has_length {
        return wrong("must not come with Content-Length");
    }
    if !is_newest {
        return wrong("needs HTTP/1.1");
    }
    let codings: Vec<_> = list(headers, "transfer-encoding").collect();
    let is_chunked = |coding: &&str| coding.eq_ignore_ascii_case("chunked");
    match codings.as_slice() {
        [only] if is_chunked(only) => Ok(Body::Chunked),
        [before @ .., last] if is_chunked(last) && !before.iter().any(is_chunked) => {
            let problem = refuse("Transfer-Encoding", "must be chunked alone: no other coding is supported");
            Err(problem.status(StatusCode::NOT_IMPLEMENTED))
        }
        _ => wrong("must end with chunked, exactly once"),
    }
}

/// hyper refuses to count more bytes than this.
const LARGEST: u64 = u64::MAX >> 1;

/// The values of a header; `None` for one that is not ASCII.
fn values<'a>(headers: &'a [Header<'a>], name: &str) -> impl Iterator<Item = Option<&'a str>> {
    let named = headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
    named.map(|header| std::str::from_utf8(header.value).ok().filter(|text| text.is_ascii()))
}

/// The items of a list header. A value that is not ASCII counts as unknown.
fn list<'a>(headers: &'a [Header<'a>], name: &str) -> impl Iterator<Item = &'a str> {
    let items = values(headers, name).flat_map(|value| value.unwrap_or("?").split(','));
    items.map(str::trim).filter(|item| !item.is_empty())
}

fn refuse(header: &'static str, why: &'static str) -> Problem {
    Error::invalid_field(header, why).into()
}

fn malformed(why: &'static str) -> Problem {
    Problem::http("bad_request", why)
}

fn broken(error: httparse::Error) -> Problem {
    match error {
        httparse::Error::HeaderName => {
            malformed("the name of a header has a forbidden character, or no colon after it")
        }
        httparse::Error::HeaderValue => malformed("the value of a header has a forbidden character"),
        httparse::Error::TooManyHeaders => {
            let text = format!("there may be at most {MAX_HEADERS} headers");
            Problem::http("too_large", text).status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
        }
        httparse::Error::Version => malformed("only HTTP/1.1 and HTTP/1.0 are supported"),
        httparse::Error::NewLine | httparse::Error::Status | httparse::Error::Token => {
            malformed("this is not an HTTP/1.1 request")
        }
    }
}

fn too_large(bytes: &[u8]) -> Problem {
    let has_line = bytes.iter().take(MAX_HEAD).any(|byte| *byte == b'\n');
    let (what, status) = match has_line {
        true => ("the headers have", StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
        false => ("the target of the request has", StatusCode::URI_TOO_LONG),
    };
    Problem::http("too_large", format!("{what} more than {MAX_HEAD} bytes")).status(status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Challenge;

    fn status(problem: Problem) -> u16 {
        problem.into_response(&Challenge::default()).status().as_u16()
    }

    /// The result for a request with these lines after `Host`.
    fn with(lines: &str) -> Result<Head, u16> {
        whole(&format!("POST / HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n"))
    }

    fn whole(text: &str) -> Result<Head, u16> {
        let end = end(text.as_bytes(), 0).map_err(status)?.unwrap_or_else(|| panic!("{text:?} has no end"));
        check(&text.as_bytes()[..end]).map_err(status)
    }

    const BARE: Head = Head { body: Body::None, upgrades: false };

    #[test]
    fn bodies_are_delimited_in_one_way() {
        assert_eq!(with(""), Ok(BARE));
        assert_eq!(with("Content-Length: 0\r\n"), Ok(BARE));
        assert_eq!(with("Content-Length: 12\r\n"), Ok(Head { body: Body::Length(12), ..BARE }));
        assert_eq!(with("transfer-encoding: Chunked\r\n"), Ok(Head { body: Body::Chunked, ..BARE }));
        for (lines, expected) in [
            ("Content-Length: 1\r\nContent-Length: 1\r\n", 400),
            ("Content-Length: 1\r\nContent-Length: 2\r\n", 400),
            ("Content-Length: 1, 1\r\n", 400),
            ("Content-Length: -1\r\n", 400),
            ("Content-Length: +1\r\n", 400),
            ("Content-Length: 0x1\r\n", 400),
            ("Content-Length:\r\n", 400),
            ("Content-Length: 18446744073709551616\r\n", 400),
            ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400),
            ("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", 400),
            ("Transfer-Encoding: gzip\r\n", 400),
            ("Transfer-Encoding: identity\r\n", 400),
            ("Transfer-Encoding: chunked, chunked\r\n", 400),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
            ("Transfer-Encoding: chunked, gzip\r\n", 400),
            ("Transfer-Encoding: xchunked\r\n", 400),
            ("Transfer-Encoding:\r\n", 400),
            ("Transfer-Encoding: gzip, chunked\r\n", 501),
            ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", 501),
            ("Transfer-Encoding: identity, chunked\r\n", 501),
        ] {
            assert_eq!(with(lines), Err(expected), "{lines}");
        }
        assert_eq!(whole("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), Err(400));
    }

    #[test]
    fn one_host_is_named() {
        for good in ["localhost", "a.example:80", "[::1]:8080", "127.0.0.1"] {
            assert_eq!(whole(&format!("GET / HTTP/1.1\r\nHost: {good}\r\n\r\n")), Ok(BARE), "{good}");
        }
        for bad in ["", "a b", "a/b", "u@a", "a:b", "é"] {
            assert_eq!(whole(&format!("GET / HTTP/1.1\r\nHost: {bad}\r\n\r\n")), Err(400), "{bad}");
        }
        assert_eq!(whole("GET / HTTP/1.1\r\n\r\n"), Err(400));
        assert_eq!(whole("GET http://localhost/ HTTP/1.1\r\n\r\n"), Err(400));
        assert_eq!(whole("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"), Err(400));
        assert_eq!(whole("GET / HTTP/1.0\r\n\r\n"), Ok(BARE));
        assert_eq!(whole("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"), Err(400));
    }

    #[test]
    fn only_known_expectations_are_met() {
        assert_eq!(with("Expect: 100-Continue\r\nContent-Length: 1\r\n"), Ok(Head { body: Body::Length(1), ..BARE }));
        assert_eq!(with("Expect:\r\n"), Ok(BARE));
        for unknown in ["x", "100-continue, x", "200-ok", "100-continue;q=1", "é"] {
            assert_eq!(with(&format!("Expect: {unknown}\r\n")), Err(417), "{unknown}");
        }
        assert_eq!(whole("GET / HTTP/1.0\r\nExpect: x\r\n\r\n"), Ok(BARE), "HTTP/1.0 knows no expectations");
    }

    #[test]
    fn a_socket_is_asked_for_without_a_body() {
        assert_eq!(with("Upgrade: WebSocket\r\n"), Ok(Head { upgrades: true, ..BARE }));
        assert_eq!(with("Upgrade: h2c, websocket\r\nContent-Length: 1\r\n"), Err(400));
        assert_eq!(with("Upgrade: websocket\r\nTransfer-Encoding: chunked\r\n"), Err(400));
        assert_eq!(with("Upgrade: h2c\r\nContent-Length: 1\r\n"), Ok(Head { body: Body::Length(1), ..BARE }));
    }

    #[test]
    fn lines_and_headers_are_well_formed() {
        for (text, expected) in [
            ("GET / HTTP/1.1\nHost: a\n\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: a\n b\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n folded\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\n X: a\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX Y: a\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400),
            ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 400),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
            ("GET /\r\n\r\n", 400),
            ("G\u{e9}T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ] {
            assert_eq!(whole(text), Err(expected), "{text:?}");
        }
        for text in [
            "get / HTTP/1.1\r\nHost: a\r\n\r\n",
            "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        ] {
            assert_eq!(whole(text), Ok(BARE), "{text:?}");
        }
    }

    #[test]
    fn heads_have_a_size() {
        let many = "X: y\r\n".repeat(MAX_HEADERS + 1);
        assert_eq!(with(&many), Err(431));
        assert_eq!(with(&format!("X: {}\r\n", "y".repeat(MAX_HEAD))), Err(431));
        assert_eq!(whole(&format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(MAX_HEAD))), Err(414));
        let just = format!("X: {}\r\n", "y".repeat(MAX_HEAD - 50));
        assert_eq!(with(&just), Ok(BARE));
    }

    #[test]
    fn what_is_no_http_is_told_before_it_ends() {
        assert!(end(b"\x16\x03\x01\x02\x00\x01", 0).is_err());
        assert_eq!(end(b"GET / HTTP/1.1\r\nHo", 0).unwrap(), None);
        assert_eq!(end(b"GET / HTTP/1.1\r\n\r\n", 17).unwrap(), Some(18));
    }
}
