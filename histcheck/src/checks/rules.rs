//! Checks that every event was lawful where it stands in its log, and that it tells the right numbers.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    anomaly::Name,
    findings::Findings,
    history::{Content, Edited, Kind, Message},
    index::{Index, Known, Log},
};

/// Walks through all logs from their beginning.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    for ((room, epoch), log) in &index.logs {
        let Some(fold) = index.folds.get(&(*room, *epoch)) else { continue };
        let content = |seq: &u64| fold.messages.get(seq).and_then(|folded| folded.content(*seq));
        // Where rights are known, whether somebody may delete others' messages is judged by these.
        let has_rights = index.rights.contains_key(&(*room, *epoch));
        let mut walk = Walk { log, has_rights, messages: BTreeMap::new(), threads: BTreeMap::new() };
        for (seq, entry) in
            (1..).zip(&log.entries).map_while(|(next, (seq, entry))| (next == *seq).then_some((seq, entry)))
        {
            let broken = match entry.known {
                Known::Message { message, .. } => walk.message(*seq, message, content(seq)),
                Known::Other(kind) => walk.change(*seq, kind),
                Known::Acknowledged { .. } => break,
            };
            if let Some((name, what)) = broken {
                findings.push(name, format!("number {seq} of room {room} {what}"), &[entry.place], Some(*seq));
            }
        }
    }
}

/// What a rule says against an event.
type Broken = Option<(Name, &'static str)>;

const fn unlawful(what: &'static str) -> Broken {
    Some((Name::UnlawfulEvent, what))
}

/// The messages up to a place in a log.
struct Walk<'r, 'a> {
    log: &'r Log<'a>,
    has_rights: bool,
    messages: BTreeMap<u64, Stands<'a>>,
    /// The last place in each thread.
    threads: BTreeMap<u64, u64>,
}

/// A message at this place in the log.
struct Stands<'a> {
    author: &'a str,
    thread: Option<u64>,
    content: Option<&'a Content>,
    is_deleted: bool,
    is_pinned: bool,
    reactions: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Walk<'_, 'a> {
    fn message(&mut self, seq: u64, message: &'a Message, content: Option<&'a Content>) -> Broken {
        let Message { sender, thread, thread_ordinal, reply_to, .. } = message;
        let broken = self.link(*thread, *reply_to);
        let place = thread.map(|root| {
            let last = self.threads.entry(root).or_insert(0);
            *last += 1;
            *last
        });
        let (is_deleted, is_pinned, reactions) = (false, false, BTreeSet::new());
        let stands = Stands { author: sender, thread: *thread, content, is_deleted, is_pinned, reactions };
        self.messages.insert(seq, stands);
        if let (Some(root), Some(told)) = (thread, thread_ordinal) {
            // One wrong number is one anomaly.
            self.threads.insert(*root, *told);
        }
        let wrong = (place != *thread_ordinal)
            .then_some((Name::ThreadOrder, "has another place in its thread than the next one"));
        broken.or(wrong)
    }

    /// Checks what a message says to belong to.
    fn link(&self, thread: Option<u64>, reply_to: Option<u64>) -> Broken {
        let Some(root) = thread else {
            let is_message = reply_to.is_none_or(|seq| self.messages.contains_key(&seq));
            return if is_message { None } else { unlawful("replies to what is no message") };
        };
        match self.messages.get(&root) {
            None => return unlawful("is in the thread of what is no message"),
            Some(Stands { thread: Some(_), .. }) => return unlawful("is in the thread of a message of a thread"),
            Some(_) => {}
        }
        let within = |seq| {
            let is_of_thread = |message: &Stands<'_>| message.thread == Some(root);
            seq == root || self.messages.get(&seq).is_some_and(is_of_thread)
        };
        if reply_to.is_none_or(within) { None } else { unlawful("replies from a thread to what is outside of it") }
    }

    fn change(&mut self, seq: u64, kind: &'a Kind) -> Broken {
        let target = kind.target()?;
        let content = self.log.entries.get(&seq).and_then(|entry| entry.known.content());
        let Some(message) = self.messages.get_mut(&target) else { return unlawful("changes what is no message") };
        let by = kind.author().unwrap_or_default();
        // What names no user was done by the system.
        let is_allowed = by == message.author || by.is_empty();
        if message.is_deleted {
            return unlawful("changes a message that was deleted before");
        }
        match kind {
            Kind::MessageEdited(Edited { .. }) => {
                let changes = content.is_none() || content != message.content;
                message.content = content;
                match (is_allowed, changes) {
                    (false, _) => unlawful("edits somebody else's message"),
                    (true, false) => unlawful("is an edit that changes nothing"),
                    (true, true) => None,
                }
            }
            Kind::MessageDeleted { .. } => {
                message.is_deleted = true;
                if is_allowed || self.has_rights { None } else { unlawful("deletes somebody else's message") }
            }
            Kind::Reaction { reaction, added, count, .. } => {
                let one = (reaction.as_str(), by);
                let changes = if *added { message.reactions.insert(one) } else { message.reactions.remove(&one) };
                let users = message.reactions.iter().filter(|(kind, _)| kind == reaction).count() as u64;
                if !changes {
                    return unlawful("is a reaction that changes nothing");
                }
                (users != *count).then_some((Name::WrongCount, "tells another count than the log makes"))
            }
            Kind::Pin { pinned, .. } => {
                let changes = message.is_pinned != *pinned;
                message.is_pinned = *pinned;
                if changes { None } else { unlawful("is a pin that changes nothing") }
            }
            Kind::Message(_) | Kind::Member(_) | Kind::RoomUpdated { .. } | Kind::RoomDeleted => None,
        }
    }
}
