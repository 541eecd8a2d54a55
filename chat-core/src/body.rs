//! What a message says.

use crate::{Seq, fingerprint::Hasher};

/// What a message says: its text, and what its author may give with it.
///
/// It is the same value from the command to the row and back into the event. So an optional field more stands here, in the row
/// and on the wire, and nowhere between them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Body {
    /// The text: 1–4,000 characters by default, not blank, kept byte for byte.
    pub content: String,
    /// The message of the same room that this one replies to.
    pub reply_to: Option<Seq>,
}

impl Body {
    /// A text, and nothing else.
    #[must_use]
    pub fn text(content: impl Into<String>) -> Self {
        Self { content: content.into(), ..Self::default() }
    }

    /// Whether there is nothing but the text.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let Self { content: _, reply_to } = self;
        reply_to.is_none()
    }

    /// The messages of the room that it names. They have to be there when it is stored.
    pub(crate) fn targets(&self) -> impl Iterator<Item = Seq> {
        self.reply_to.into_iter()
    }

    /// Adds every field that was given to a fingerprint. The names and their order are stored with the fingerprints, so they
    /// never change; a new field comes last.
    pub(crate) fn hash(&self, hasher: Hasher) -> Hasher {
        let Self { content, reply_to } = self;
        hasher
            .field("content", content.as_bytes())
            .optional("reply_to", reply_to.map(|seq| seq.0.to_le_bytes()).as_ref().map(<[u8; 8]>::as_slice))
    }
}
