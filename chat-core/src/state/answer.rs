//! Answers to requests.

use super::{Effect, Outcome, ReplyId, Request};
use crate::error::Error;

pub(super) fn answer(reply: ReplyId, result: Outcome, effects: &mut Vec<Effect>) {
    effects.push(Effect::Answer { reply, result });
}

pub(super) fn fail(reply: ReplyId, error: Error, effects: &mut Vec<Effect>) {
    answer(reply, Outcome::Failed(error), effects);
}

/// Answers a request with an error, whatever it is.
pub(super) fn refuse(request: &Request, error: &Error, effects: &mut Vec<Effect>) {
    match request {
        // Detached it is.
        Request::Detach { reply, .. } => answer(*reply, Outcome::Detached, effects),
        Request::Attach { reply, .. } | Request::Typing { reply, .. } | Request::Append { reply, .. } => {
            fail(*reply, error.clone(), effects);
        }
    }
}
