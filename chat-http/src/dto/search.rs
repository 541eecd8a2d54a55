//! What a search finds.

use chat_core::search::SearchPage;
use poem_openapi::Object;
use serde::Serialize;

use super::MessageStateDto;
use crate::cursor;

/// A page of messages that were found.
#[derive(Debug, Clone, Serialize, Object)]
#[oai(rename = "FoundMessages")]
pub(crate) struct FoundDto {
    /// The messages as they are now, the newest first. A page may have fewer than there are.
    messages: Vec<MessageStateDto>,
    /// Where the next page begins (`after`); null when this is the last.
    #[oai(nullable)]
    next: Option<String>,
    /// `false` when something may be missing: the newest messages are not in the index yet, or there was too much to look at.
    complete: bool,
}

impl From<&SearchPage> for FoundDto {
    fn from(page: &SearchPage) -> Self {
        Self {
            messages: page.messages.iter().map(MessageStateDto::from).collect(),
            next: page.next.map(cursor::of_search),
            complete: page.complete,
        }
    }
}
