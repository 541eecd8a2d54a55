//! What planted bugs and points do to a room's task; only in the torture's own build.

use std::{future::ready, sync::Arc};

use futures::{FutureExt, future::BoxFuture};

use crate::{
    Error, Event, EventKind, Message, RoomId, Seq,
    append::{Append, AppendFailure, AppendOutcome, AppendResult},
    engine::room_context::RoomContext,
    torture::{self, Bug, Point},
};

/// Hands an append in, or says that it was.
pub(super) fn append(
    context: &Arc<RoomContext>,
    room: RoomId,
    append: Append,
    head: Seq,
) -> BoxFuture<'static, AppendResult> {
    if torture::has(Bug::LostOnShutdown) && context.services.lifecycle.is_draining() {
        return ready(Ok(pretended(room, &append, head))).boxed();
    }
    let pretended = torture::has(Bug::FailedAppendAcked).then(|| pretended(room, &append, head));
    let outcome = context.journal.append(room, append);
    outcome
        .map(move |result| match (result, pretended) {
            (Err(AppendFailure::NotStored(error)), Some(placed)) if error != Error::RoomNotFound => Ok(placed),
            (result, _) => result,
        })
        .boxed()
}

/// Whoever sent what is about to be published was answered.
pub(super) fn after_answer() {
    if let Some(due) = torture::due(Point::AfterAnswer) {
        // The sockets' tasks run on meanwhile, so that the answer goes out.
        tokio::task::block_in_place(|| due.carry_out_after_last_words());
    }
}

/// What would become of an append that is stored.
fn pretended(room: RoomId, append: &Append, head: Seq) -> Vec<AppendOutcome> {
    let Append::Messages(messages) = append else { return vec![AppendOutcome::Unchanged] };
    let event = |(new, seq): (&crate::append::NewMessage, u64)| {
        let message = Message { content: new.content.clone(), key: new.key.to_given(), ordinal: seq };
        let (actor, kind) = (Some(new.author.clone()), EventKind::Message(message));
        AppendOutcome::New(Arc::new(Event { room, seq: Seq(seq), at: new.at, actor, kind }))
    };
    messages.iter().zip(head.next().0..).map(event).collect()
}
