//! What a message says.

#[cfg(feature = "runtime")]
use crate::{Error, InvalidField};
use crate::{Seq, UserId, fingerprint::Hasher};

/// What a message says: its text, and what its author may give with it.
///
/// It is the same value from the command to the row and back into the event. So an optional field more stands here, in the row
/// and on the wire, and nowhere between them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Body {
    /// The text: 1–4,000 characters by default, not blank, kept byte for byte.
    pub content: String,
    /// The message of the same room that this one replies to.
    pub reply_to: Option<Seq>,
    /// The message of the same room in whose thread this one stands: the thread's root.
    pub thread: Option<Seq>,
    /// The users it mentions, at most [`MAX_MENTIONS`](Self::MAX_MENTIONS). The engine reads no text: the author's client says whom.
    pub mentions: Vec<UserId>,
    /// Whether it mentions everyone in the room.
    pub mentions_room: bool,
    /// What an application adds to it: opaque to the engine, at most [`MAX_META_BYTES`](Self::MAX_META_BYTES), kept byte for byte.
    pub meta: Option<String>,
}

impl Body {
    /// The most users a message may mention: 50, so that a message costs no more than 50 rows of mentions.
    pub const MAX_MENTIONS: usize = 50;
    /// The most bytes of [`meta`](Self::meta): 8 KiB, about twice the longest text in ASCII.
    pub const MAX_META_BYTES: usize = 8 << 10;

    /// A text, and nothing else.
    #[must_use]
    pub fn text(content: impl Into<String>) -> Self {
        Self { content: content.into(), ..Self::default() }
    }

    /// Whether there is nothing but the text.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let Self { content: _, reply_to, thread, mentions, mentions_room, meta } = self;
        reply_to.is_none() && thread.is_none() && mentions.is_empty() && !mentions_room && meta.is_none()
    }

    /// What is left of it when it is erased: its place in the conversation.
    #[must_use]
    pub fn erased(&self) -> Self {
        Self { reply_to: self.reply_to, thread: self.thread, ..Self::default() }
    }

    /// What it says after an edit, which changes neither what it replies to nor its thread.
    #[must_use]
    pub fn edited(&self, edit: &Edit) -> Self {
        let Edit { content, mentions, mentions_room, meta } = edit;
        let meta = meta.clone().or_else(|| self.meta.clone()).filter(|meta| !meta.is_empty());
        Self {
            content: content.clone(),
            reply_to: self.reply_to,
            thread: self.thread,
            mentions: mentions.as_ref().unwrap_or(&self.mentions).clone(),
            mentions_room: mentions_room.unwrap_or(self.mentions_room),
            meta,
        }
    }

    /// The bytes of text in it.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let mentions: usize = self.mentions.iter().map(|user| user.as_str().len()).sum();
        self.content.len() + mentions + self.meta.as_ref().map_or(0, String::len)
    }

    /// The messages of the room that it names. They have to be there when it is stored.
    pub(crate) fn targets(&self) -> impl Iterator<Item = Seq> + use<> {
        self.reply_to.into_iter().chain(self.thread)
    }

    /// Adds every field that was given to a fingerprint. The names and their order are stored with the fingerprints, so they
    /// never change; a new field comes last.
    pub(crate) fn hash(&self, hasher: Hasher) -> Hasher {
        let Self { content, reply_to, thread, mentions, mentions_room, meta } = self;
        let mentions = (!mentions.is_empty()).then_some(mentions);
        hasher
            .field("content", content.as_bytes())
            .number("reply_to", reply_to.map(|seq| seq.0))
            .number("thread", thread.map(|seq| seq.0))
            .users("mentions", mentions.map(Vec::as_slice))
            .flag("mentions_room", mentions_room.then_some(true))
            .optional("meta", meta.as_deref().map(str::as_bytes))
    }

    /// Checks what a client gives beside the text.
    ///
    /// # Errors
    /// [`Error::TooMany`] mentions, [`Error::TooLong`] for `meta`, [`Error::InvalidField`] (`meta`) for U+0000.
    #[cfg(feature = "runtime")]
    pub(crate) fn check_extras(&self) -> Result<(), Error> {
        check_extras(&self.mentions, self.meta.as_deref())
    }
}

/// What a message is to say instead, as its author gives it. What is `None` stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Edit {
    /// The new text, by the rules of a message's.
    pub content: String,
    /// Whom it mentions now; an empty list takes all mentions away.
    pub mentions: Option<Vec<UserId>>,
    /// Whether it mentions everyone in the room now.
    pub mentions_room: Option<bool>,
    /// What an application adds now; an empty text takes it away.
    pub meta: Option<String>,
}

impl Edit {
    /// Another text; everything else stays.
    #[must_use]
    pub fn text(content: impl Into<String>) -> Self {
        Self { content: content.into(), ..Self::default() }
    }

    /// The same with these users mentioned instead.
    #[must_use]
    pub fn mentioning(mut self, users: impl IntoIterator<Item = UserId>) -> Self {
        self.mentions = Some(users.into_iter().collect());
        self
    }

    /// The same with what an application adds instead: see [`Body::meta`].
    #[must_use]
    pub fn meta(mut self, meta: impl Into<String>) -> Self {
        self.meta = Some(meta.into());
        self
    }

    /// The bytes of text in it.
    pub(crate) fn bytes(&self) -> usize {
        let mentions = self.mentions.iter().flatten().map(|user| user.as_str().len()).sum::<usize>();
        self.content.len() + mentions + self.meta.as_ref().map_or(0, String::len)
    }

    /// Adds every field that was given to a fingerprint, in an order that never changes.
    pub(crate) fn hash(&self, hasher: Hasher) -> Hasher {
        let Self { content, mentions, mentions_room, meta } = self;
        hasher
            .field("content", content.as_bytes())
            .users("mentions", mentions.as_deref())
            .flag("mentions_room", *mentions_room)
            .optional("meta", meta.as_deref().map(str::as_bytes))
    }

    /// Checks what a client gives beside the text.
    ///
    /// # Errors
    /// As [`Body::check_extras`].
    #[cfg(feature = "runtime")]
    pub(crate) fn check_extras(&self) -> Result<(), Error> {
        check_extras(self.mentions.as_deref().unwrap_or_default(), self.meta.as_deref())
    }
}

#[cfg(feature = "runtime")]
fn check_extras(mentions: &[UserId], meta: Option<&str>) -> Result<(), Error> {
    if mentions.len() > Body::MAX_MENTIONS {
        return Err(Error::TooMany { what: "mentions".into() });
    }
    match meta {
        Some(meta) if meta.len() > Body::MAX_META_BYTES => {
            Err(Error::TooLong { what: "meta".into(), max: Body::MAX_META_BYTES, unit: "bytes".into() })
        }
        Some(meta) if meta.contains('\0') => Err(InvalidField::new("meta", "must not contain U+0000").into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_edit_does_not_name_stays() {
        let body = Body {
            content: "a".into(),
            reply_to: Some(Seq(3)),
            mentions: vec![UserId::new("bob").unwrap()],
            mentions_room: true,
            meta: Some("{\"a\":1}".into()),
            ..Body::default()
        };
        let edited = body.edited(&Edit::text("b"));
        assert_eq!(edited, Body { content: "b".into(), ..body.clone() });
        let cleared = Edit {
            content: "b".into(),
            mentions: Some(Vec::new()),
            mentions_room: Some(false),
            meta: Some(String::new()),
        };
        let edited = body.edited(&cleared);
        assert_eq!(edited, Body { reply_to: Some(Seq(3)), ..Body::text("b") });
    }

    #[test]
    fn each_field_counts_for_the_fingerprint() {
        let of = |body: &Body| body.hash(Hasher::new("message")).finish();
        let bodies = [
            Body::text("a"),
            Body { thread: Some(Seq(1)), ..Body::text("a") },
            Body { reply_to: Some(Seq(1)), ..Body::text("a") },
            Body { mentions: vec![UserId::new("1").unwrap()], ..Body::text("a") },
            Body { mentions: vec![UserId::new("1").unwrap(), UserId::new("2").unwrap()], ..Body::text("a") },
            Body { mentions: vec![UserId::new("12").unwrap()], ..Body::text("a") },
            Body { mentions_room: true, ..Body::text("a") },
            Body { meta: Some("1".into()), ..Body::text("a") },
        ];
        let distinct: std::collections::BTreeSet<_> = bodies.iter().map(|body| of(body).0).collect();
        assert_eq!(distinct.len(), bodies.len());
    }
}
