//! What a token says.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use chat_core::{Actor, Identity, UserId, UserName};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::{Map, Value};

use super::super::{
    authenticator::{Authenticated, Credential, Via},
    reserved,
};

/// The claims of a token, each once.
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    /// Who is meant, and until when, or what is wrong. The signature and the times are checked already.
    pub(super) fn authenticated(&self, name_claim: &str) -> Result<Authenticated, &'static str> {
        let id = self.0.get("sub").and_then(Value::as_str).and_then(|id| UserId::new(id).ok());
        let id = id.filter(|id| !reserved::is_reserved(id)).ok_or("its sub is no id of a user")?;
        let named = self.0.get(name_claim).and_then(Value::as_str).and_then(|name| UserName::new(name).ok());
        let name = named.or_else(|| UserName::new(id.as_str()).ok()).ok_or("it has no name that can be shown")?;
        Ok(Authenticated {
            actor: Actor::User(Identity::of(id, name)),
            via: Via::Token,
            expires_at: self.time("exp")?,
            credential: Some(Credential { issued_at: self.time("iat")? }),
            login: None,
        })
    }

    /// A claim that is a time, if it is there. A time beyond all calendars never comes, so it is as good as none.
    fn time(&self, claim: &str) -> Result<Option<SystemTime>, &'static str> {
        match self.0.get(claim) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                let seconds = value.as_f64().filter(|seconds| *seconds >= 0.0).ok_or("one of its times is none")?;
                Ok(Duration::try_from_secs_f64(seconds).ok().and_then(|since| UNIX_EPOCH.checked_add(since)))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EachOnce)
    }
}

/// Reads an object. One that has a name twice means different things to different readers.
struct EachOnce;

impl<'de> Visitor<'de> for EachOnce {
    type Value = Claims;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Claims, A::Error> {
        let mut claims = Map::new();
        while let Some((name, value)) = object.next_entry::<String, Value>()? {
            if claims.insert(name, value).is_some() {
                return Err(A::Error::custom("a claim is there twice"));
            }
        }
        Ok(Claims(claims))
    }
}
