//! Encrypted texts: what becomes of a text on its way into a row and out of it.
//!
//! Encrypted are what messages and edits say, their `meta`, and reasons. A text that is not encrypted is read all the same: when
//! encryption is switched on or off, what is there is [rewritten](rewrite) in the background.

use crate::{
    RoomId, Seq, TextKeys,
    append::{EventKey, Fingerprint},
    search::{Lookup, TextQuery, terms},
    store::sea::error::SqlError,
    text_keys::{TextPart, TextPlace, any_mark, is_sealed},
};

mod rewrite;
mod switch;

pub(super) use rewrite::{left, step};
pub(super) use switch::switch;

/// How texts are stored. Without keys, as they are.
#[derive(Debug, Default)]
pub(super) struct Sealing(Option<Encryption>);

/// The keys, and what they are for.
#[derive(Debug, Clone)]
pub(crate) struct Encryption {
    /// The keys.
    pub(crate) keys: TextKeys,
    /// Whether what is written is encrypted. If not, the keys are for what was encrypted before.
    pub(crate) seals: bool,
}

impl Sealing {
    pub(super) fn new(encryption: Option<Encryption>) -> Self {
        Self(encryption)
    }

    /// Whether a text may be stored in another way than it is to be: not without keys.
    pub(super) const fn has_keys(&self) -> bool {
        self.0.is_some()
    }

    /// Whether what is written is encrypted.
    pub(super) fn seals(&self) -> bool {
        self.writing().is_some()
    }

    /// A text of the event at this place as it is to be stored.
    pub(super) fn seal(
        &self,
        at: (RoomId, Seq),
        part: TextPart,
        text: Option<String>,
    ) -> Result<Option<String>, SqlError> {
        let (Some(keys), Some(text)) = (self.writing(), text.as_deref()) else { return Ok(text) };
        let sealed = keys.seal(place(at, part), text);
        sealed.map(Some).map_err(|error| SqlError::corrupt(format!("a text cannot be encrypted: {error}")))
    }

    /// A text of the event at this place from how it is stored.
    pub(super) fn open(
        &self,
        at: (RoomId, Seq),
        part: TextPart,
        stored: Option<String>,
    ) -> Result<Option<String>, SqlError> {
        let (Some(Encryption { keys, .. }), Some(sealed)) = (&self.0, stored.as_deref().filter(|text| is_sealed(text)))
        else {
            return Ok(stored);
        };
        let text = keys.open(place(at, part), sealed);
        text.map(Some).ok_or_else(|| SqlError::corrupt(format!("the text at {at:?} cannot be decrypted")))
    }

    /// Whether a stored text is encrypted by a key that is not there.
    pub(super) fn lacks_key(&self, stored: Option<&str>) -> bool {
        let has = |sealed: &str| self.0.as_ref().is_some_and(|encryption| encryption.keys.has_key_of(sealed));
        stored.is_some_and(|text| is_sealed(text) && !has(text))
    }

    /// Whether a stored text is as it would be stored now.
    fn is_current(&self, stored: &str) -> bool {
        self.writing().map_or(!is_sealed(stored), |keys| keys.is_current(stored))
    }

    /// The pattern of what is encrypted as it would be now, or of all that is encrypted if nothing is to be.
    fn current_mark(&self) -> String {
        format!("{}%", self.writing().map_or_else(any_mark, TextKeys::current_mark))
    }

    /// An event's fingerprint as it is to be stored.
    pub(super) fn hidden(&self, at: (RoomId, Seq), key: &EventKey, fingerprint: Fingerprint) -> Fingerprint {
        self.shown(at, key, fingerprint, self.seals())
    }

    /// An event's fingerprint from how it is stored, hidden or not: to hide it twice shows it. What was erased is not hidden.
    pub(super) fn shown(
        &self,
        (room, seq): (RoomId, Seq),
        key: &EventKey,
        stored: Fingerprint,
        is_hidden: bool,
    ) -> Fingerprint {
        match &self.0 {
            Some(Encryption { keys, .. }) if is_hidden && stored != Fingerprint::ERASED => {
                Fingerprint(stored.0 ^ keys.pad(room, seq, key.as_str()))
            }
            _ => stored,
        }
    }

    /// The terms by which a text stands in the index.
    pub(super) fn terms(&self, text: &str) -> Vec<String> {
        let terms = terms(text);
        let Some(keys) = self.writing() else { return terms };
        let mut hidden: Vec<_> = terms.iter().map(|term| keys.term(term)).collect();
        hidden.sort_unstable();
        hidden
    }

    /// What to look up for a query. Where the index tells nothing of how a term begins, whole terms are.
    pub(super) fn lookups(&self, query: &TextQuery) -> Vec<Lookup> {
        let lookups = query.lookups();
        let Some(keys) = self.writing() else { return lookups };
        lookups.iter().map(|lookup| Lookup::Exact(keys.term(lookup.start()))).collect()
    }

    fn writing(&self) -> Option<&TextKeys> {
        self.0.as_ref().filter(|encryption| encryption.seals).map(|encryption| &encryption.keys)
    }
}

const fn place((room, seq): (RoomId, Seq), part: TextPart) -> TextPlace {
    TextPlace { room, seq, part }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests;
