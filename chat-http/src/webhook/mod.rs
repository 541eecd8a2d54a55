//! Webhooks: what happens in all rooms, posted to a URL.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use chat_core::{Consumer, InvalidField, NotConsumed, TailEntry};
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, Response, StatusCode, Uri, body::Incoming, header};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use tokio::time::{Instant, timeout_at};

use crate::api::FeedEntry;

mod connector;
mod reach;
mod signature;
mod url;

use connector::Connector;
pub use reach::Reach;
pub use signature::WebhookSecret;

/// Posts what happens in all rooms to a URL, for [`ChatEngine::consume`](chat_core::ChatEngine::consume).
///
/// One entry is one `POST`, with the JSON of an entry of `GET /events/feed` as its body. Its headers are those of
/// [Standard Webhooks](https://www.standardwebhooks.com): `webhook-id` is the same whenever an entry is told, so whoever keeps
/// it takes nothing in twice; `webhook-timestamp` and `webhook-signature` prove who has sent it, and when. Every answer with a
/// status 2xx within 5 seconds says that the entry was taken in; redirects are not followed. Proxies of the environment are not used.
///
/// # Examples
/// ```no_run
/// use chat_core::{ChatEngine, ConsumeFrom};
/// use chat_http::webhook::{Reach, Webhook, WebhookSecret};
///
/// # async fn tell(engine: ChatEngine) -> Result<(), Box<dyn std::error::Error>> {
/// let secret = WebhookSecret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYq=")?;
/// let webhook = Webhook::new("https://hooks.example/chat", secret, Reach::Public)?;
/// engine.consume(webhook.name(), ConsumeFrom::Now, &webhook).await?;
/// # Ok(())
/// # }
/// ```
pub struct Webhook {
    uri: Uri,
    name: String,
    secret: WebhookSecret,
    client: Client<HttpsConnector<Connector>, Full<Bytes>>,
}

impl Webhook {
    /// Posts to this URL, signed with this secret. With [`Reach::Public`], it has to be an `https` URL with the port 443 or one from
    /// 1024 on, and is connected to at public addresses only, whatever its name resolves to.
    ///
    /// # Errors
    /// If it is no such URL, or has a user or a fragment in it.
    pub fn new(url: &str, secret: WebhookSecret, reach: Reach) -> Result<Self, InvalidField> {
        let uri = url::check(url, reach)?;
        let digest = Sha256::digest(uri.to_string());
        let name = digest.iter().take(8).fold("webhook-".to_owned(), |name, byte| format!("{name}{byte:02x}"));
        let client = connector::client(reach)?;
        Ok(Self { uri, name, secret, client })
    }

    /// The name of the consumer that it is: `webhook-` and 16 digits that follow from the URL. Another URL is another consumer.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The host that it posts to, for logs: the rest of the URL may be secret.
    #[must_use]
    pub fn host(&self) -> &str {
        self.uri.host().unwrap_or_default()
    }

    async fn post(&self, entry: &TailEntry, body: Vec<u8>) -> Result<(), NotConsumed> {
        let request = self.request(entry, body).map_err(|_| NotConsumed::new("no request could be made"))?;
        let deadline = Instant::now() + LONGEST;
        let answered = timeout_at(deadline, self.client.request(request)).await;
        let response = answered.map_err(|_| NotConsumed::new("timed out"))?.map_err(|error| why(&error))?;
        let judged = judge(&response);
        // The connection can be used again if the body is read.
        let _read = timeout_at(deadline, drain(response.into_body())).await;
        judged
    }

    fn request(&self, entry: &TailEntry, body: Vec<u8>) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        // As the signature has it, there is no full stop in an id.
        let id = entry.cursor.to_string().replace('.', "-");
        let seconds = OffsetDateTime::now_utc().unix_timestamp();
        Request::builder()
            .method(Method::POST)
            .uri(self.uri.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("chat-http/", env!("CARGO_PKG_VERSION")))
            .header("webhook-signature", self.secret.sign(&id, seconds, &body))
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds)
            .body(Full::from(body))
    }
}

#[async_trait]
impl Consumer for Webhook {
    async fn consume(&self, entry: &TailEntry) -> Result<(), NotConsumed> {
        // What this version knows nothing of is told by none of its transports.
        let Some(entry_json) = FeedEntry::of(entry) else { return Ok(()) };
        let body = serde_json::to_vec(&entry_json).map_err(|_| NotConsumed::new("no JSON could be made"))?;
        self.post(entry, body).await
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("name", &self.name).field("host", &self.host()).finish_non_exhaustive()
    }
}

/// Whether an answer says that the entry was taken in.
fn judge(response: &Response<Incoming>) -> Result<(), NotConsumed> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let not = NotConsumed::new(format!("answered {}", status.as_u16()));
    let may_wait = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let wait = response.headers().get(header::RETRY_AFTER).filter(|_| may_wait).and_then(|wait| wait.to_str().ok());
    Err(match wait.and_then(|wait| wait.parse().ok()) {
        Some(seconds) => not.retry_after(Duration::from_secs(seconds)),
        None => not,
    })
}

/// Reads a body that is not too long to its end.
async fn drain(mut body: Incoming) {
    let mut bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        bytes += frame.data_ref().map_or(0, Bytes::len);
        if bytes > MOST_BYTES {
            return;
        }
    }
}

/// Why nothing was answered, in a few words: what is behind it may name what is secret.
fn why(error: &hyper_util::client::legacy::Error) -> NotConsumed {
    if connector::is_blocked(error) {
        return NotConsumed::new("its address is not public");
    }
    NotConsumed::new(if error.is_connect() { "cannot be connected to" } else { "gave no answer" })
}

/// The longest that an answer may take.
const LONGEST: Duration = Duration::from_secs(5);
/// The most of an answer's body that is read.
const MOST_BYTES: usize = 512 * 1_024;
