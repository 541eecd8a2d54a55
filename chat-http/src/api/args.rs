//! The parameters of operations. They are read strictly; a wrong one is refused by its name.

use chat_core::{
    Actor, Epoch, Error, IdempotencyKey, Identity, InviteCode, Position, Reaction, Role, RoomId, Seq, UserId,
};
use poem::{Request, RequestBody, Result};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaParamIn, MetaSchema, MetaSchemaRef, MetaSecurityScheme, Registry},
};

use super::patterns;
use crate::{
    auth::Authenticated,
    integer::{MAX_INTEGER, integer_within},
    position::{self, EPOCH_CHARS},
    problem::Problem,
    query,
};

/// The caller of an operation, as the [`Authenticator`](crate::Authenticator) identifies it.
pub(crate) struct Caller(pub(crate) Actor);

/// The user who calls an operation. Anonymous callers are refused before the body is read.
pub(crate) struct User(pub(crate) Identity);

/// The user who calls an operation that goes on, or that gives them something for later.
pub(crate) struct Login(pub(crate) Authenticated);

impl Login {
    /// The user.
    pub(crate) fn identity(&self) -> Result<Identity, Problem> {
        Ok(self.0.identity().cloned().ok_or(Error::Unauthenticated)?)
    }
}

/// The room that a path names.
pub(crate) struct RoomArg(pub(crate) RoomId);

/// The message that a path names.
pub(crate) struct MessageArg(pub(crate) Seq);

/// The user whom a path names.
pub(crate) struct UserArg(pub(crate) UserId);

/// The user of the account that a path names.
pub(crate) struct AccountArg(pub(crate) UserId);

/// The invite that a path names.
pub(crate) struct InviteArg(pub(crate) InviteCode);

/// The invite that is used; `None` where no invite can be called so.
pub(crate) struct InviteCodeArg(pub(crate) Option<InviteCode>);

/// A role in the query.
pub(crate) struct RoleArg(pub(crate) Option<Role>);

/// The reaction that a path names.
pub(crate) struct ReactionArg(pub(crate) Reaction);

/// Why something is done, in the query. The engine checks it.
pub(crate) struct ReasonArg(pub(crate) Option<String>);

/// A whole number in the query.
pub(crate) struct IntegerArg<const MIN: u64, const MAX: u64>(pub(crate) Option<u64>);

impl<const MIN: u64, const MAX: u64> IntegerArg<MIN, MAX> {
    /// How many are asked for, or this many.
    pub(crate) fn or(&self, default: usize) -> usize {
        self.0.and_then(|number| usize::try_from(number).ok()).unwrap_or(default)
    }
}

/// A number of an event in the query.
pub(crate) type SeqArg = IntegerArg<0, MAX_INTEGER>;

/// A maximum number of items, in the query.
pub(crate) type LimitArg = IntegerArg<1, 100>;

/// A text in the query, of at most so many characters.
pub(crate) struct TextArg<const MAX: usize>(pub(crate) Option<String>);

/// The id of a user in the query.
pub(crate) struct UserIdArg(pub(crate) Option<UserId>);

/// The epoch of a position in the query.
pub(crate) struct EpochArg(pub(crate) Option<Epoch>);

/// `true` or `false` in the query.
pub(crate) struct FlagArg(pub(crate) Option<bool>);

/// The header `Last-Event-ID`: the position up to which a client has everything.
pub(crate) struct LastIdArg(pub(crate) Option<Position>);

impl LastIdArg {
    const NAME: &'static str = "Last-Event-ID";

    fn parse(request: &Request) -> Result<Option<Position>, Problem> {
        let mut values = request.headers().get_all(Self::NAME).iter();
        let Some(value) = values.next() else { return Ok(None) };
        // An `EventSource` that has not seen an id yet sends an empty header.
        if value.is_empty() && values.next().is_none() {
            return Ok(None);
        }
        let id = std::str::from_utf8(value.as_bytes()).ok().and_then(position::of_event_id);
        match id {
            Some(position) if values.next().is_none() => Ok(Some(position)),
            _ => Err(Error::invalid_field(Self::NAME, "must be the id of an event of this stream").into()),
        }
    }
}

/// Whether there is a header `Last-Event-ID`, with whatever id: the client comes back.
pub(crate) struct ComesBackArg(pub(crate) bool);

/// The header `Idempotency-Key`.
pub(crate) struct KeyArg(pub(crate) Option<IdempotencyKey>);

impl KeyArg {
    const NAME: &'static str = "Idempotency-Key";

    fn parse(request: &Request) -> Result<Option<IdempotencyKey>, Problem> {
        let wrong = |reason: &'static str| Problem::from(Error::invalid_field("key", reason));
        let mut values = request.headers().get_all(Self::NAME).iter();
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(wrong("must be given once"));
        }
        let text = value.to_str().map_err(|_| wrong("must be 1 to 64 visible ASCII characters"))?;
        IdempotencyKey::new(text).map(Some).map_err(|invalid| Error::from(invalid).into())
    }
}

impl From<KeyArg> for Option<String> {
    fn from(key: KeyArg) -> Self {
        key.0.map(|key| key.as_str().to_owned())
    }
}

/// Implements [`ApiExtractor`] for a parameter: its place in the request, its schema, and how it is read.
macro_rules! parameter {
    ([$($generics:tt)*] $name:ty, $place:ident, required $required:literal, $schema:expr, $read:expr) => {
        impl<'a, $($generics)*> ApiExtractor<'a> for $name {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
            const PARAM_IS_REQUIRED: bool = $required;

            type ParamType = ();
            type ParamRawType = ();

            fn param_in() -> Option<MetaParamIn> {
                Some(MetaParamIn::$place)
            }

            fn param_schema_ref() -> Option<MetaSchemaRef> {
                Some(MetaSchemaRef::Inline(Box::new($schema)))
            }

            async fn from_request(
                request: &'a Request,
                _body: &mut RequestBody,
                options: ExtractParamOptions<()>,
            ) -> Result<Self> {
                let read: fn(&Request, &'static str) -> Result<Self, Problem> = $read;
                Ok(read(request, options.name)?)
            }
        }
    };
}

parameter!([] RoomArg, Path, required true, integer(1, MAX_INTEGER), |request, name| {
    // poem-openapi numbers the parameters of a path. In every path of this API the first one is the room, the second one a
    // message of it, a user or an invite, and the third one a reaction to the message; but for accounts and invites that are used,
    // where it is the first one.
    let id = integer_within(request.raw_path_param("param0").unwrap_or_default(), 1..=MAX_INTEGER);
    Ok(Self(RoomId(id.map_err(|reason| Error::invalid_field(name, reason))?)))
});

parameter!([] MessageArg, Path, required true, integer(0, MAX_INTEGER), |request, name| {
    let seq = integer_within(request.raw_path_param("param1").unwrap_or_default(), 0..=MAX_INTEGER);
    Ok(Self(Seq(seq.map_err(|reason| Error::invalid_field(name, reason))?)))
});

parameter!([] UserArg, Path, required true, user_id_schema(), |request, _name| {
    let user = UserId::new(request.raw_path_param("param1").unwrap_or_default());
    Ok(Self(user.map_err(Error::from)?))
});

parameter!([] AccountArg, Path, required true, user_id_schema(), |request, _name| {
    let user = UserId::new(request.raw_path_param("param0").unwrap_or_default());
    Ok(Self(user.map_err(Error::from)?))
});

parameter!([] InviteArg, Path, required true, code_schema(), |request, name| {
    let code = InviteCode::parse(request.raw_path_param("param1").unwrap_or_default());
    Ok(Self(code.ok_or_else(|| Error::invalid_field(name, "must be 32 hexadecimal digits"))?))
});

parameter!([] InviteCodeArg, Path, required true, code_schema(), |request, _name| {
    Ok(Self(InviteCode::parse(request.raw_path_param("param0").unwrap_or_default())))
});

parameter!([] RoleArg, Query, required false, role_schema(), |request, name| {
    let role = query::get(request.uri().query(), name)?;
    Ok(Self(role.as_deref().map(Role::parse).transpose().map_err(Error::from)?))
});

parameter!([] ReactionArg, Path, required true, reaction_schema(), |request, _name| {
    let reaction = Reaction::new(request.raw_path_param("param2").unwrap_or_default());
    Ok(Self(reaction.map_err(Error::from)?))
});

parameter!([] ReasonArg, Query, required false, reason_schema(), |request, name| {
    Ok(Self(query::get(request.uri().query(), name)?))
});

parameter!([const MIN: u64, const MAX: u64] IntegerArg<MIN, MAX>, Query, required false, integer(MIN, MAX), |request, name| {
    Ok(Self(query::integer(request.uri().query(), name, MIN..=MAX)?))
});

parameter!([const MAX: usize] TextArg<MAX>, Query, required false, text_schema(MAX), |request, name| {
    let text = query::get(request.uri().query(), name)?;
    if text.as_ref().is_some_and(|text| text.chars().count() > MAX) {
        return Err(Error::invalid_field(name, format!("must be at most {MAX} characters")).into());
    }
    Ok(Self(text))
});

parameter!([] UserIdArg, Query, required false, user_id_schema(), |request, name| {
    let id = query::get(request.uri().query(), name)?;
    Ok(Self(id.as_deref().map(UserId::new).transpose().map_err(Error::from)?))
});

parameter!([] EpochArg, Query, required false, text_schema(EPOCH_CHARS), |request, name| {
    Ok(Self(position::epoch_in_query(request.uri().query(), name)?))
});

parameter!([] FlagArg, Query, required false, MetaSchema::new("boolean"), |request, name| {
    Ok(Self(query::boolean(request.uri().query(), name)?))
});

parameter!([] LastIdArg, Header, required false, last_id_schema(), |request, _name| {
    Ok(Self(LastIdArg::parse(request)?))
});

parameter!([] ComesBackArg, Header, required false, MetaSchema::new("string"), |request, _name| {
    // An `EventSource` that has not seen an id yet sends an empty header.
    Ok(Self(request.headers().get(LastIdArg::NAME).is_some_and(|id| !id.is_empty())))
});

parameter!([] KeyArg, Header, required false, key_schema(), |request, _name| Ok(Self(KeyArg::parse(request)?)));

/// Implements [`ApiExtractor`] for the caller. The document describes what `chatd` takes; another
/// [`Authenticator`](crate::Authenticator) reads what it needs from the request.
macro_rules! who_asks {
    ($name:ident, $is_optional:literal, $read:expr) => {
        impl<'a> ApiExtractor<'a> for $name {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut Registry) {
                schemes().into_iter().for_each(|(name, scheme)| registry.create_security_scheme(name, scheme));
            }

            fn security_schemes() -> Vec<&'static str> {
                schemes().map(|(name, _)| name).to_vec()
            }

            fn has_security_fallback() -> bool {
                $is_optional
            }

            async fn from_request(
                request: &'a Request,
                _body: &mut RequestBody,
                _options: ExtractParamOptions<()>,
            ) -> Result<Self> {
                let found = request.data::<Authenticated>().ok_or_else(Problem::internal)?;
                let read: fn(&Authenticated) -> Option<Self> = $read;
                Ok(read(found).ok_or_else(|| Problem::from(Error::Unauthenticated))?)
            }
        }
    };
}

who_asks!(Caller, true, |found| Some(Self(found.actor.clone())));
who_asks!(User, false, |found| found.identity().cloned().map(Self));
who_asks!(Login, false, |found| found.identity().is_some().then(|| Self(found.clone())));

/// What says who asks.
fn schemes() -> [(&'static str, MetaSecurityScheme); 3] {
    let bearer = MetaSecurityScheme { scheme: Some("bearer"), bearer_format: Some("JWT"), ..scheme("http", BEARER) };
    let cookie = MetaSecurityScheme { name: Some("__Host-chat"), key_in: Some("cookie"), ..scheme("apiKey", COOKIE) };
    let about = "The name of a guest (`UserName`), where guests may come. It counts only where there is no token.";
    let guest = MetaSecurityScheme { name: Some("username"), key_in: Some("query"), ..scheme("apiKey", about) };
    [("bearer", bearer), ("cookie", cookie), ("guest", guest)]
}

const BEARER: &str = "The token of a login, where the server has accounts, or a signed token (JWT) of the app that the chat belongs \
                      to, where it has keys for them.";
const COOKIE: &str = "The login of a browser, where the server has accounts. It counts only for pages of the server itself, by \
                      `Origin`; without `Origin`, only for what changes nothing.";

pub(super) const fn scheme(ty: &'static str, about: &'static str) -> MetaSecurityScheme {
    MetaSecurityScheme {
        ty,
        description: Some(about),
        name: None,
        key_in: None,
        scheme: None,
        bearer_format: None,
        flows: None,
        openid_connect_url: None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "integers on the wire stay below 2^53, where f64 is exact")]
fn integer(min: u64, max: u64) -> MetaSchema {
    MetaSchema {
        minimum: Some(min as f64),
        maximum: Some(max as f64),
        ..MetaSchema::new_with_format("integer", "int64")
    }
}

fn last_id_schema() -> MetaSchema {
    MetaSchema { pattern: Some(patterns::EVENT_ID.to_owned()), ..MetaSchema::new("string") }
}

fn text_schema(max: usize) -> MetaSchema {
    let pattern = Some(patterns::TEXT.to_owned());
    MetaSchema { max_length: Some(max), pattern, ..MetaSchema::new("string") }
}

fn user_id_schema() -> MetaSchema {
    let pattern = Some(patterns::USER_ID.to_owned());
    MetaSchema { min_length: Some(1), max_length: Some(256), pattern, ..MetaSchema::new("string") }
}

fn code_schema() -> MetaSchema {
    MetaSchema { pattern: Some(patterns::INVITE_CODE.to_owned()), ..MetaSchema::new("string") }
}

fn role_schema() -> MetaSchema {
    let words = [Role::Member, Role::Moderator, Role::Owner].map(|role| role.as_str().into());
    MetaSchema { enum_items: words.to_vec(), ..MetaSchema::new("string") }
}

fn reaction_schema() -> MetaSchema {
    let pattern = Some(patterns::REACTION.to_owned());
    MetaSchema { min_length: Some(1), max_length: Some(64), pattern, ..MetaSchema::new("string") }
}

fn reason_schema() -> MetaSchema {
    let pattern = patterns::of("reason").map(ToOwned::to_owned);
    MetaSchema { max_length: Some(500), pattern, ..MetaSchema::new("string") }
}

fn key_schema() -> MetaSchema {
    let pattern = Some(patterns::KEY.to_owned());
    MetaSchema { min_length: Some(1), max_length: Some(64), pattern, ..MetaSchema::new("string") }
}
