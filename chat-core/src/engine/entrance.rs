//! How commands take their places among what is under way, and how long they wait for them.

use std::{pin::pin, time::Duration};

use futures::FutureExt;
use tokio::{sync::oneshot, task::unconstrained, time::sleep};
use tracing::{Instrument, field};

use crate::{
    ChatEngine, Error, RoomId,
    engine::{
        admission::{Admitted, Cost},
        inner::Inner,
        mailbox::{MailboxPermit, MailboxPlaces, RoomCommand},
        reply::{Responder, ToCall},
    },
    state::Request,
};

/// The places of a command to a room: it can be handed over.
#[derive(Debug)]
pub(super) struct Entered {
    pub(super) permit: Option<MailboxPermit>,
    pub(super) admitted: Admitted,
}

impl ChatEngine {
    /// The same engine for a caller who waits at most so long for a place among what is under way, instead of
    /// [`Limits::place_wait`](crate::Limits::place_wait): for its calls, and those of the sessions that it connects.
    /// `Duration::ZERO`: whoever finds no place is refused at once as [`Error::Overloaded`].
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    ///
    /// use chat_core::{Actor, ChatEngine, Draft, Identity, NewRoom};
    ///
    /// let engine = ChatEngine::builder().build().await?;
    /// let room = engine.create_room(Actor::System, NewRoom::named("general")).await?.id;
    /// // An import has time.
    /// let import = engine.waiting_at_most(Duration::from_secs(600));
    /// import.send(&Identity::named("Alice")?, room, Draft::text("from before")).await?;
    /// # engine.shutdown().await;
    /// # Ok(())
    /// # }
    /// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
    /// ```
    #[must_use]
    pub fn waiting_at_most(&self, wait: Duration) -> Self {
        let mut engine = self.clone();
        engine.patience = wait;
        engine
    }
}

impl Inner {
    /// Takes the places of a command, to a room or to none. If there are none, it waits for them up to `patience`, for each in the
    /// order of arrival; then the command is refused as [`Error::Overloaded`]. Dropped before, it takes none.
    pub(super) async fn enter(
        &self,
        room: impl Into<Option<RoomId>>,
        cost: Cost,
        patience: Duration,
    ) -> Result<Entered, Error> {
        let room = room.into();
        if patience.is_zero() {
            return self.enter_now(room, cost);
        }
        let refused = self.refusing(&cost);
        let mailbox = self.mailbox(room).map_err(&refused)?;
        // The place in the room comes first, so that a room which many want to write in does not take the places of all others.
        // (A task that has used up its turn would else join the line later than it came.)
        let mut places = pin!(unconstrained(async {
            let permit = match mailbox {
                Some(mailbox) => Some(mailbox.take().await?),
                None => None,
            };
            Ok(Entered { permit, admitted: self.admission.admit(cost).await? })
        }));
        // Mostly there are places, and no timer is needed.
        let entered = match places.as_mut().now_or_never() {
            Some(entered) => entered,
            None => self.within(patience, places).await,
        };
        entered.and_then(|entered| self.check_still(entered)).map_err(refused)
    }

    /// The same for a command that waits for nothing.
    pub(super) fn enter_now(&self, room: Option<RoomId>, cost: Cost) -> Result<Entered, Error> {
        let refused = self.refusing(&cost);
        let permit = self.mailbox(room).and_then(|mailbox| mailbox.map(|mailbox| mailbox.try_take()).transpose());
        let entered = permit.and_then(|permit| Ok(Entered { permit, admitted: self.admission.try_admit(cost)? }));
        entered.map_err(refused)
    }

    /// Records that a command of this cost is refused for want of a place.
    pub(super) fn refused(&self, cost: &Cost, error: Error) -> Error {
        self.refusing(cost)(error)
    }

    fn refusing(&self, cost: &Cost) -> impl Fn(Error) -> Error + use<'_> {
        let is_message = cost.is_message();
        move |error| {
            if is_message {
                self.services.metrics.send_refused(&error);
            }
            error
        }
    }

    fn mailbox(&self, room: Option<RoomId>) -> Result<Option<MailboxPlaces>, Error> {
        room.map(|room| self.hub.places(room)).transpose()
    }

    /// While a command waited, the database may have failed.
    fn check_still(&self, entered: Entered) -> Result<Entered, Error> {
        if entered.admitted.stores() {
            self.services.breaker.check()?;
        }
        Ok(entered)
    }

    /// Waits for a place, but not for longer than this. Whoever asks may be outside of the engine's runtime.
    async fn within<T>(&self, patience: Duration, place: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let over = {
            let _timer = self.services.runtime.enter();
            sleep(patience)
        };
        tokio::select! {
            biased;
            place = place => place,
            () = over => Err(Error::Overloaded),
        }
    }

    /// Hands a command of the engine's own to a room as soon as there are places for it, and waits for the answer.
    pub(super) async fn call<T>(
        &self,
        room: RoomId,
        (request, cost): (Request, Cost),
        patience: Duration,
        responder: fn(ToCall<T>) -> Responder,
    ) -> Result<T, Error> {
        let Entered { permit, admitted } = self.enter(room, cost, patience).await?;
        let (call, answer) = oneshot::channel();
        let name = request.name();
        let command = RoomCommand { request, responder: responder(ToCall { call, admitted }), permit };
        let span = tracing::debug_span!("command", command = name, room.id = room.0, outcome = field::Empty);
        if let Err(refused) = self.hub.dispatch(room, command) {
            // This answers the call.
            let _none = refused.turn_away();
        }
        // Unanswered it is dropped only when the runtime goes down.
        let result = answer.instrument(span.clone()).await.unwrap_or(Err(Error::OutcomeUnknown));
        span.record("outcome", result.as_ref().map_or_else(Error::code, |_| "ok"));
        result
    }
}
