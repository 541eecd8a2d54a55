//! Noticing what others have revoked in the same database: another engine, or an operator's command.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;

use crate::{
    Timestamp,
    engine::{ending::Ending, revocations::before, security_log, services::Services, sessions::Sessions},
    users::UserDigest,
};

/// Looks once an interval, until the engine stops.
pub(super) async fn run(services: Arc<Services>, sessions: Arc<Sessions>) {
    let mut stop = services.lifecycle.stop();
    let mut since = services.clock.now().wall;
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = async {
                sleep(INTERVAL).await;
                since = look(&services, &sessions, since).await;
            } => {}
        }
    }
}

/// Takes in what was stored since this time, and ends the sessions of whom it is about. Returns since when to look the next time.
async fn look(services: &Services, sessions: &Sessions, since: Timestamp) -> Timestamp {
    let now = services.clock.now().wall;
    match services.revocations.look(&*services.store, before(since, SKEW), now).await {
        Ok(new) if new.is_empty() => now,
        Ok(new) => {
            for user in sessions.users().into_iter().filter(|user| new.contains(&UserDigest::of(user))) {
                let ended = sessions.end_all_of(&user, Ending::CREDENTIALS_REVOKED);
                security_log::revoked(&user, ended);
            }
            now
        }
        Err(failure) => {
            // The next look is for these, too.
            let _error = services.read_failed(&failure);
            since
        }
    }
}

/// How often it looks: a revoked session ends within 5 s.
const INTERVAL: Duration = Duration::from_secs(2);
/// How far the clock of whoever revokes may be behind this one's, with the time that the storing takes.
const SKEW: Duration = Duration::from_secs(600);
