//! Taking a user's access away.

use super::*;
use crate::{
    Erase, Error, UserName,
    users::{ChosenName, Revocation, UserDigest},
};

fn life_of(credential_life: Duration) -> Limits {
    Limits { credential_life, ..Limits::default() }
}

async fn stored(store: &Arc<dyn Store>) -> Vec<Revocation> {
    store.users().revocations(Timestamp(i64::MIN), None, 10_000).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_revocation_ends_all_sessions_and_is_kept_in_mind() {
    let store = memory();
    let engine = engine_on(Arc::clone(&store), Limits::default()).await;
    let (alice, bob) = (user("alice").id, user("bob").id);
    let mut alices = [connect(&engine, "alice"), connect(&engine, "alice")];
    let (bobs, mut bobs_updates) = connect(&engine, "bob");
    tokio::time::advance(Duration::from_secs(5)).await;

    assert_eq!(engine.revoke(&alice).await, Ok(2));
    for (handle, updates) in &mut alices {
        assert!(matches!(next(updates).await, Some(Update::Closed(CloseReason::CredentialsRevoked))));
        assert_eq!(handle.send(RoomId(1), text("too late")).await.unwrap_err(), Error::Unauthenticated);
    }
    assert!(!matches!(bobs_updates.try_next(), Some(Update::Closed(_))));
    drop((bobs, bobs_updates));
    let at = Timestamp(5_000_000);
    assert_eq!((engine.revoked_at(&alice), engine.revoked_at(&bob)), (Some(at), None));
    engine.shutdown().await;

    let engine = engine_on(store, Limits::default()).await;
    assert_eq!(engine.revoked_at(&alice), Some(at), "after a restart, with a clock that is behind");
    engine.revoke(&alice).await.unwrap();
    assert_eq!(engine.revoked_at(&alice), Some(at), "it is not taken back by a clock that is behind");
}

#[tokio::test(start_paused = true)]
async fn revocations_are_forgotten_once_no_credential_is_older() {
    let store = memory();
    let limits = life_of(Duration::from_secs(60));
    let engine = engine_on(Arc::clone(&store), limits.clone()).await;
    for number in 0..1_500 {
        engine.revoke(&user(&format!("early-{number}")).id).await.unwrap();
    }
    tokio::time::advance(Duration::from_secs(61)).await;
    for number in 0..1_500 {
        engine.revoke(&user(&format!("late-{number}")).id).await.unwrap();
    }
    assert_eq!(stored(&store).await.len(), 1_500);
    assert_eq!(engine.revoked_at(&user("early-0").id), None);
    assert!(engine.revoked_at(&user("late-0").id).is_some());

    let restarted = engine_on(Arc::clone(&store), limits).await;
    assert!(restarted.revoked_at(&user("late-0").id).is_some());
}

#[tokio::test(start_paused = true)]
async fn of_an_erased_user_there_is_only_the_digest_of_a_revocation() {
    let store = memory();
    let engine = engine_on(Arc::clone(&store), Limits::default()).await;
    let alice = user("alice").id;
    let name = UserName::new("Ada").unwrap();
    let chosen = ChosenName { name: name.clone(), instead_of: name };
    store.users().choose_name(&alice, Some(&chosen)).await.unwrap();
    engine.erase_user(&alice, Erase::Anonymise, |_| {}).await.unwrap();
    assert_eq!(store.users().chosen_name(&alice).await.unwrap(), None);
    let revoked: Vec<_> = stored(&store).await.into_iter().map(|revocation| revocation.user).collect();
    assert_eq!(revoked, [UserDigest::of(&alice)]);
    assert!(engine.revoked_at(&alice).is_some(), "tokens of before make nobody this user again");
}

#[tokio::test(start_paused = true)]
async fn what_another_engine_has_revoked_ends_here_within_five_seconds() {
    let shared: Arc<dyn Store> = Arc::new(MemoryStore::new(Epoch::new("test")).shared());
    let (ours, theirs) =
        (engine_on(Arc::clone(&shared), Limits::default()).await, engine_on(shared, Limits::default()).await);
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    for at in 1..=2 {
        let (_alice, mut alices) = connect(&ours, "alice");
        let (_bob, mut bobs) = connect(&ours, "bob");
        let began = Instant::now();
        assert_eq!(theirs.revoke(&user("alice").id).await, Ok(0), "she is elsewhere");
        assert!(matches!(next(&mut alices).await, Some(Update::Closed(CloseReason::CredentialsRevoked))));
        assert!(began.elapsed() < Duration::from_secs(5), "{at}");
        assert_eq!(ours.revoked_at(&user("alice").id), theirs.revoked_at(&user("alice").id), "{at}");
        assert!(!matches!(bobs.try_next(), Some(Update::Closed(_))));
        // What is known ends nobody a second time.
        let (_again, mut updates) = connect(&ours, "alice");
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(updates.try_next().is_none(), "{at}");
    }
}
