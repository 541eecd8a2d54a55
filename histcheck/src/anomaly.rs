//! The kinds of anomalies that a history can show.

use std::fmt::{self, Display, Formatter};

use crate::history::Record;

/// Evidence that the server broke a promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anomaly {
    /// The kind of the anomaly.
    pub name: Name,
    /// What happened, in a sentence.
    pub what: String,
    /// As few records as show it. Pages, gaps and dumps are cut to the events around the place.
    pub records: Vec<Record>,
}

impl Display for Anomaly {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (name, promise) = (self.name, self.name.promise());
        writeln!(f, "{name} (breaks {promise}, {}): {}", name.promised(), self.what)?;
        for record in &self.records {
            let line = serde_json::to_string(record).map_err(|_| fmt::Error)?;
            writeln!(f, "    {line}")?;
        }
        Ok(())
    }
}

macro_rules! names {
    ($(#[doc = $about:literal] $variant:ident $code:literal $promise:literal)*) => {
        /// The kinds of anomalies.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Name {
            $(#[doc = $about] $variant,)*
        }

        impl Name {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name, in snake case.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// What it is, in a sentence.
            #[must_use]
            pub const fn about(self) -> &'static str {
                match self { $(Self::$variant => $about.trim_ascii(),)* }
            }

            /// The promise that it breaks.
            #[must_use]
            pub const fn promise(self) -> &'static str {
                match self { $(Self::$variant => $promise,)* }
            }
        }
    };
}

names! {
    /// An acknowledged message is not where a later read should have it.
    LostWrite "lost_write" "G1"
    /// Two observers disagree about what has a number.
    Fork "fork" "G2"
    /// A subscription skipped a number.
    Gap "gap" "G3"
    /// A subscription told a number twice.
    Repeat "repeat" "G3"
    /// A subscription stepped back.
    Nonmonotonic "nonmonotonic" "G3"
    /// One key, two events.
    DuplicateKey "duplicate_key" "G4"
    /// An event that nobody caused, or whose cause was refused.
    Phantom "phantom" "G5"
    /// What began after another had ended stands before it.
    RealtimeInversion "realtime_inversion" "G6"
    /// The commands of one connection, or the messages of one host, took effect in another order than they were issued.
    SessionOrder "session_order" "G6"
    /// A read or an attach behind what had been acknowledged or seen before.
    StaleRead "stale_read" "G7"
    /// A resume that is not exactly what was missed.
    DishonestResume "dishonest_resume" "G8"
    /// A subscription that stayed open and did not reach the head.
    UnseenAfterHeal "unseen_after_heal" "G9"
    /// Someone is shown who cannot be online.
    GhostPresence "ghost_presence" "G10"
    /// Someone is not shown who is online.
    MissingPresence "missing_presence" "G10"
    /// Someone is shown typing for too long.
    StuckTyping "stuck_typing" "G11"
    /// Something of a room was heard or served after its end, after the right to it was gone, or without an attach.
    LeakAfterRemoval "leak_after_removal" "G12"
    /// Somebody heard who is in a room, or that something happens there, after their right to read it was gone.
    HeardAfterRemoval "heard_after_removal" "G12"
    /// An event whose author had no right to it.
    ActedWithoutRight "acted_without_right" "G12"
    /// A read mark went back by itself, or is where nobody set it.
    MarkWentBack "mark_went_back" "G13"
    /// What is served is not what the log makes it.
    FoldMismatch "fold_mismatch" "G14"
    /// An event changes what cannot be changed so: a deleted message, somebody else's, or none.
    UnlawfulEvent "unlawful_event" "G14"
    /// A reaction is counted wrongly.
    WrongCount "wrong_count" "G14"
    /// The messages of a thread are not numbered 1, 2, 3 and so on.
    ThreadOrder "thread_order" "G14"
    /// The text of a message is told after the message was deleted.
    DeletedText "deleted_text" "G14"
    /// What is said to be unread is not what the log makes it.
    WrongUnread "wrong_unread" "G14"
    /// The database does not hold what was acknowledged, or what a host committed.
    OkWithoutStore "ok_without_store" "G15"
}

impl Name {
    /// The text of the promise that this kind breaks.
    #[must_use]
    pub fn promised(self) -> &'static str {
        PROMISES.iter().find(|(promise, _)| *promise == self.promise()).map_or("", |(_, text)| text)
    }
}

/// The promises with their texts, as docs/reliability.md has them.
const PROMISES: [(&str, &str); 15] = [
    ("G1", "durable: what was acknowledged stays, under its number"),
    ("G2", "one order: everybody sees the same event under a number"),
    ("G3", "gapless, once: a subscription hears the next number, and the next"),
    ("G4", "sent once: one event per key, however often it is sent"),
    ("G5", "no phantoms: what was refused is never seen, and what was not answered at most once"),
    ("G6", "order of effects: what begins after an ok has the higher number"),
    ("G7", "read your writes: after an ok, what its user reads includes it"),
    ("G8", "honest resume: exactly what was missed, or a resync"),
    ("G9", "found again: soon after a fault every open subscription has everything"),
    ("G10", "presence: online is who has a session, or lost one a moment ago"),
    ("G11", "typing: nobody is shown typing for too long"),
    ("G12", "sharp removal: after the event that takes a right, nothing is heard or done that needed it"),
    ("G13", "read marks: they go back only if their user says so"),
    ("G14", "state is the log: what is served is what the log makes"),
    ("G15", "honest refusal: no ok without the database"),
];

impl Display for Name {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_anomaly_says_what_it_is_and_what_it_breaks() {
        for name in Name::ALL {
            assert!(name.about().ends_with('.') && !name.promised().is_empty(), "{name}");
        }
    }
}
