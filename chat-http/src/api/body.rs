//! Request bodies, which are read strictly, and response bodies, which are encoded once.

use bytes::BytesMut;
use chat_core::Error;
use futures::{StreamExt, pin_mut};
use poem::{
    Body, IntoResponse, Request, RequestBody, Response, Result,
    http::{HeaderMap, header},
};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    payload::Payload,
    registry::{MetaMediaType, MetaRequest, MetaSchemaRef, Registry},
    types::Type,
};
use serde::Serialize;

use crate::{
    etag,
    json::{Fields, FromFields},
    problem::{Challenge, Problem},
    refusal::Refusal,
    unfinished::{Share, Unfinished, WHOLE_WITHIN},
};

/// The largest body that is read.
pub(crate) const MAX_BODY: usize = 256 << 10;
/// How many bytes above [`MAX_BODY`] are read and dropped. A client that reads only after it has sent everything then
/// sees the 413.
const MAX_DROPPED: usize = 1 << 20;

/// A strict JSON body: `T` is what the document describes, and knows how it is read.
pub(crate) struct Strict<T: FromFields>(pub(crate) T::Read);

impl<'a, T: Type + FromFields> ApiExtractor<'a> for Strict<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType { content_type: CONTENT_TYPE, schema: T::schema_ref() }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> Result<Self> {
        check_type(request.headers())?;
        let text = whole(request, body).await?;
        Ok(Self(decode::<T>(&text).map_err(Problem::from)?))
    }
}

/// A strict JSON body that may be left out: then it is an object without fields.
pub(crate) struct MaybeStrict<T: FromFields>(pub(crate) T::Read);

impl<'a, T: Type + FromFields> ApiExtractor<'a> for MaybeStrict<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Strict::<T>::request_meta().map(|meta| MetaRequest { required: false, ..meta })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> Result<Self> {
        // Some clients name the type of a body that they leave out.
        if request.headers().contains_key(header::CONTENT_TYPE) {
            check_type(request.headers())?;
        }
        let mut text = whole(request, body).await?;
        if text.is_empty() {
            text.push_str("{}");
        } else {
            check_type(request.headers())?;
        }
        Ok(Self(decode::<T>(&text).map_err(Problem::from)?))
    }
}

/// The whole body as a text.
async fn whole(request: &Request, body: &mut RequestBody) -> Result<String> {
    let mut share = request.data::<Unfinished>().cloned().unwrap_or_default().share();
    let bytes = read(request.headers(), body.take()?, &mut share).await?;
    let text = String::from_utf8(bytes.into()).map_err(|_| Refusal::BadJson("the body is not UTF-8"));
    Ok(text.map_err(Problem::from)?)
}

/// The header of an answer that an earlier request with the same key had got.
pub(crate) fn replayed(is_replay: bool) -> Option<String> {
    is_replay.then(|| "true".to_owned())
}

/// An answer in JSON.
pub(crate) struct Encoded<T>(pub(crate) T);

impl<T: Type> Payload for Encoded<T> {
    const CONTENT_TYPE: &'static str = CONTENT_TYPE;

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Serialize + Send> IntoResponse for Encoded<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(json) => Response::builder().content_type(CONTENT_TYPE).body(json),
            Err(_) => Problem::internal().into_response(&Challenge::default()),
        }
    }
}

/// An answer in JSON with an entity tag. A client may keep it, and asks each time whether it is still current.
pub(crate) struct Tagged<T>(pub(crate) T);

impl<T: Type> Payload for Tagged<T> {
    const CONTENT_TYPE: &'static str = CONTENT_TYPE;

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: Serialize + Send> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(json) => Response::builder()
                .content_type(CONTENT_TYPE)
                .header(header::ETAG, etag::of(&json))
                .header(header::CACHE_CONTROL, "private, no-cache")
                .header(header::VARY, "Authorization, Cookie")
                .body(json),
            Err(_) => Problem::internal().into_response(&Challenge::default()),
        }
    }
}

const CONTENT_TYPE: &str = "application/json";

/// Reads a body's text.
pub(crate) fn decode<T: FromFields>(text: &str) -> Result<T::Read, Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::BadJson("a JSON body is expected"));
    }
    let mut fields = Fields::parse(text)?;
    let value = T::from_fields(&mut fields)?;
    fields.finish()?;
    Ok(value)
}

/// Requires JSON in UTF-8 without compression. (A form in a page of another site can send `text/plain`, but not this.)
fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let is_json = match (types.next(), types.next()) {
        (Some(one), None) => one.to_str().is_ok_and(is_utf8_json),
        _ => false,
    };
    let encodings = headers.get_all(header::CONTENT_ENCODING);
    let is_plain = encodings.iter().all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if is_json && is_plain {
        return Ok(());
    }
    Err(Problem::http("unsupported_media_type", "send application/json in UTF-8, without a content encoding"))
}

fn is_utf8_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|mime| mime.eq_ignore_ascii_case(CONTENT_TYPE));
    let is_utf8 = |part: &str| match part.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    };
    is_json && parts.all(is_utf8)
}

/// Reads a body up to the limit, whether its length was announced or not.
async fn read(headers: &HeaderMap, body: Body, share: &mut Share) -> Result<BytesMut, Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let too_large = || Problem::http("too_large", format!("a body may have at most {MAX_BODY} bytes"));
    // A client that sends `Expect`, or announces a very large body, gets its answer at once; the body is not read.
    let waits = headers.contains_key(header::EXPECT);
    if announced.is_some_and(|length| length > MAX_BODY + MAX_DROPPED || (waits && length > MAX_BODY)) {
        return Err(too_large());
    }
    let chunks = body.into_bytes_stream();
    pin_mut!(chunks);
    let reading = async {
        let (mut bytes, mut total) = (BytesMut::new(), 0_usize);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| Problem::from(Refusal::BadJson("the body broke off")))?;
            total = total.saturating_add(chunk.len());
            if total > MAX_BODY + MAX_DROPPED {
                break;
            }
            if total <= MAX_BODY {
                share.hold(total).map_err(|_overfull| Problem::from(Error::Overloaded))?;
                bytes.extend_from_slice(&chunk);
            }
        }
        if total > MAX_BODY { Err(too_large()) } else { Ok(bytes) }
    };
    let late = |_| Problem::from(Refusal::BadJson("the body did not arrive in time"));
    tokio::time::timeout(WHOLE_WITHIN, reading).await.map_err(late)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_json_in_utf8_is_json() {
        for good in ["application/json", "Application/JSON; charset=utf-8", "application/json;charset=\"UTF-8\""] {
            assert!(is_utf8_json(good), "{good}");
        }
        for bad in
            ["", "text/plain", "application/json; charset=utf-16", "application/jsonx", "application/problem+json"]
        {
            assert!(!is_utf8_json(bad), "{bad}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_given_up() {
        let never = Body::from_bytes_stream(futures::stream::pending::<std::io::Result<bytes::Bytes>>());
        let start = tokio::time::Instant::now();
        assert!(read(&HeaderMap::new(), never, &mut Unfinished::default().share()).await.is_err());
        assert_eq!(start.elapsed(), WHOLE_WITHIN);
    }
}
