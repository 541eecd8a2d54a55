//! Checks that every open subscription reaches the head once all faults are over.

use crate::{
    anomaly::Name,
    findings::Findings,
    history::What,
    index::{Index, Subscription},
};

/// Checks the end of each quiet phase.
pub(super) fn check(index: &Index<'_>, findings: &mut Findings<'_>) {
    for &(quiet, until) in &index.timeline.rounds {
        for subscription in index.subscriptions.iter().filter(|open| is_open(index, open, until)) {
            let log = index.logs.get(&(subscription.room, subscription.head.epoch.as_str()));
            let Some((head, mark)) = log.and_then(|log| log.head_at(quiet)) else { continue };
            let (reached, last) = reached(index, subscription, until);
            if reached < head {
                let room = subscription.room;
                let what = format!("a subscription of room {room} stays open at {reached}; the log goes to {head}");
                findings.push(Name::UnseenAfterHeal, what, &[subscription.attach, last, mark.place], Some(reached));
            }
        }
    }
}

fn is_open(index: &Index<'_>, subscription: &Subscription<'_>, at: u64) -> bool {
    let answered = index.records[subscription.attach].seen();
    let ended = subscription.end.is_some_and(|end| end.began <= at);
    answered <= at && !ended && subscription.half_open.is_none_or(|from| from > at)
}

/// The position that a subscription had reached by then, and the record that shows it.
fn reached(index: &Index<'_>, subscription: &Subscription<'_>, by: u64) -> (u64, usize) {
    let heard = subscription.events.iter().rev().copied().filter(|place| index.records[*place].began <= by);
    let highest = heard.filter_map(|place| match &index.records[place].what {
        What::Event { event, .. } => Some((event.seq, place)),
        _ => None,
    });
    highest.max().unwrap_or_default().max((subscription.head.seq, subscription.attach))
}

#[cfg(test)]
mod tests {
    use crate::{
        builder::{HistoryBuilder, attach, delivered, message, position, resumed, send, sent},
        history::{Attached, Phase},
    };

    fn run(tell: impl FnOnce(&mut HistoryBuilder)) -> HistoryBuilder {
        let mut builder = HistoryBuilder::new();
        builder.did(2, "bob", attach(1, resumed(0)));
        builder.phase(Phase::Fault("cut".into()));
        builder.did(1, "ann", send(1, "k1", sent(1)));
        builder.phase(Phase::Healed);
        tell(&mut builder);
        builder.phase(Phase::Quiet);
        builder.at(20);
        builder.phase(Phase::Final);
        builder.at(30);
        builder
    }

    #[test]
    fn it_reaches_the_head_or_is_closed() {
        run(|builder| builder.saw(2, "bob", delivered(1, message(1, "ann", "k1")))).finds(&[]);
        run(|builder| builder.closed(2, "bob", false, Some(4560))).finds(&[]);
        run(|builder| builder.did(3, "bob", attach(1, Attached::Resync { head: position(1) })))
            .finds(&["unseen_after_heal"]);
    }

    #[test]
    fn it_stays_open_behind_the_head() {
        let mut builder = run(|_| {});
        builder.closed(2, "bob", true, Some(1000));
        builder.finds(&["unseen_after_heal"]);
    }

    #[test]
    fn what_comes_in_the_quiet_phase_is_in_time() {
        let mut builder = HistoryBuilder::new();
        builder.did(2, "bob", attach(1, resumed(0)));
        builder.did(1, "ann", send(1, "k1", sent(1)));
        builder.phase(Phase::Quiet);
        builder.at(5);
        builder.saw(2, "bob", delivered(1, message(1, "ann", "k1")));
        builder.phase(Phase::Final);
        builder.finds(&[]);
    }

    #[test]
    fn what_is_half_open_hears_nothing() {
        run(|builder| builder.saw(2, "bob", crate::history::What::HalfOpen)).finds(&[]);
    }
}
