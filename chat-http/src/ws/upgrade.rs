//! The opening handshake (RFC 6455, section 4), and the small buffers of the socket after it.

use chat_core::Error;
use futures::FutureExt;
use poem::{
    Request, Response, Upgraded,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};

use super::io_activity::IoActivity;
use crate::{
    connection::ConnectionPermit,
    origin::Origins,
    problem::Problem,
    unfinished::{Share, Unfinished},
};

/// The largest message that a client may send, in one frame or in several.
pub(crate) const MAX_MESSAGE: usize = 256 << 10;
/// The size of the buffer for frames that come in: small, since an idle connection keeps it. (What is smaller than 1 KiB, `bytes`
/// would make smaller and smaller.) More is read at once all the same, and large frames have buffers of their own.
const READ_BUFFER: usize = 1 << 10;
/// What tungstenite writes itself goes to the socket's [`IoActivity`] at once, frame by frame, which has the buffer.
const WRITE_BUFFER: usize = 0;

/// A stream that a socket can run over.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Io for S {}

/// A socket after the handshake.
pub(crate) type Socket<S> = WebSocketStream<IoActivity<S>>;

/// Starts a WebSocket on a stream, with limits and small buffers. Unfinished messages are charged to `share`.
pub(crate) async fn open<S: Io>(stream: S, share: Share) -> Socket<S> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE));
    WebSocketStream::from_raw_socket(IoActivity::new(stream, share), Role::Server, Some(config)).await
}

/// A request for an upgrade that was checked.
pub(crate) struct Handshake {
    accept: String,
    upgrade: poem::OnUpgrade,
    permit: Option<ConnectionPermit>,
    share: Share,
    /// The protocol that was chosen of those that the client offers.
    protocol: Option<HeaderValue>,
}

impl Handshake {
    /// Checks a request.
    pub(crate) fn check(request: &Request, origins: &Origins) -> Result<Self, Problem> {
        let headers = request.headers();
        if request.method() != Method::GET {
            return Err(Problem::method_not_allowed("GET"));
        }
        let upgrades = has_token(headers, &header::UPGRADE, "websocket");
        if !upgrades || !has_token(headers, &header::CONNECTION, "upgrade") {
            let field = if upgrades { "Connection" } else { "Upgrade" };
            return Err(Error::invalid_field(field, "must ask for an upgrade to a WebSocket").into());
        }
        if the_only(headers, &header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version.as_bytes() != b"13") {
            let problem = Problem::from(Error::invalid_field("Sec-WebSocket-Version", "must be 13"));
            let version = HeaderValue::from_static("13");
            return Err(problem.status(StatusCode::UPGRADE_REQUIRED).with(header::SEC_WEBSOCKET_VERSION, version));
        }
        let key = the_only(headers, &header::SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).filter(|key| is_nonce(key));
        let key = key.ok_or_else(|| Error::invalid_field("Sec-WebSocket-Key", "must be 16 bytes in base64"))?;
        if !origins.admit(request) {
            return Err(Error::Forbidden.into());
        }
        let accept = derive_accept_key(key);
        let upgrade = request.take_upgrade();
        let upgrade = upgrade.map_err(|_| Error::invalid_field("Upgrade", "needs HTTP/1.1"))?;
        let share = request.data::<Unfinished>().cloned().unwrap_or_default().share();
        let permit = request.data::<ConnectionPermit>().cloned();
        let is_offered = has_token(headers, &header::SEC_WEBSOCKET_PROTOCOL, PROTOCOL);
        let protocol = is_offered.then(|| HeaderValue::from_static(PROTOCOL));
        Ok(Self { accept, upgrade, permit, share, protocol })
    }

    /// Accepts the handshake, lets `begin` see what is to be done with the socket, and does that, in tasks of their own.
    pub(crate) fn accept<F, B, T>(self, begin: F) -> Response
    where
        F: FnOnce(Socket<Upgraded>) -> B + Send + 'static,
        B: Future<Output = Option<T>> + Send,
        T: Future<Output = ()> + Send + 'static,
    {
        let Self { accept, upgrade, permit, share, protocol } = self;
        tokio::spawn(async move {
            let Ok(upgraded) = upgrade.await else { return };
            let socket = open(upgraded, share).await;
            if let Some(talk) = begin(socket).await {
                // A task of its own, so that an open connection does not keep what only its beginning needs. Until its end the
                // server waits for this connection when it stops.
                tokio::spawn(talk.map(|()| drop(permit)));
            }
        });
        let mut response = Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header(header::CONNECTION, "upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_ACCEPT, accept)
            .finish();
        if let Some(protocol) = protocol {
            response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
        }
        response
    }
}

/// The protocol of the sockets, which a client offers beside a ticket: browsers expect that one is chosen.
const PROTOCOL: &str = "chat";

/// The ticket among the protocols that a client offers, where browsers put what is for headers.
pub(super) fn offered_ticket(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).find_map(|offered| offered.trim().strip_prefix("ticket."))
}

/// Whether a list header has this item, without regard to case.
fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|part| part.trim().eq_ignore_ascii_case(token))
}

fn the_only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value),
        _ => None,
    }
}

/// Whether this is the base64 of 16 bytes: 22 characters, the last of which carries two bits, and two characters of
/// padding.
fn is_nonce(key: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.len() == 24
        && key[..22].iter().all(is_digit)
        && matches!(key[21], b'A' | b'Q' | b'g' | b'w')
        && key.ends_with(b"==")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Challenge;

    const GOOD: [(&str, &str); 5] = [
        ("host", "chat.example"),
        ("upgrade", "WebSocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    /// The status and the field of the refusal of a handshake with these headers. In process there is no connection to
    /// upgrade, which is checked last, so a correct handshake is refused only for that.
    async fn refusal(changes: &[(&str, &str)]) -> (u16, String) {
        let mut request = Request::builder();
        for (name, value) in GOOD.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name)) {
            request = request.header(*name, *value);
        }
        for (name, value) in changes.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        let problem = Handshake::check(&request.finish(), &Origins::default()).err().unwrap();
        let response = problem.into_response(&Challenge::default());
        let field: serde_json::Value = response.into_body().into_json().await.unwrap();
        (u16::try_from(field["status"].as_u64().unwrap()).unwrap(), field["field"].as_str().unwrap_or("").to_owned())
    }

    #[tokio::test]
    async fn good_handshakes_pass() {
        let passed = (400, "Upgrade".to_owned());
        assert_eq!(refusal(&[]).await, passed);
        assert_eq!(refusal(&[("origin", "http://chat.example")]).await, passed);
        assert_eq!(
            refusal(&[("sec-websocket-protocol", "x"), ("sec-websocket-extensions", "permessage-deflate")]).await,
            passed
        );
    }

    #[tokio::test]
    async fn w2_bad_handshakes_are_refused_for_what_is_wrong() {
        assert_eq!(refusal(&[("connection", "close")]).await, (400, "Connection".to_owned()));
        assert_eq!(refusal(&[("sec-websocket-version", "8")]).await, (426, "Sec-WebSocket-Version".to_owned()));
        assert_eq!(refusal(&[("sec-websocket-version", "")]).await, (426, "Sec-WebSocket-Version".to_owned()));
        for key in ["", "x", "dGhlIHNhbXBsZSBub25jZR==", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25j!Q=="] {
            assert_eq!(refusal(&[("sec-websocket-key", key)]).await, (400, "Sec-WebSocket-Key".to_owned()), "{key}");
        }
        assert_eq!(refusal(&[("origin", "null")]).await, (403, String::new()));
        assert_eq!(refusal(&[("origin", "http://chat.example.evil")]).await, (403, String::new()));
    }
}
