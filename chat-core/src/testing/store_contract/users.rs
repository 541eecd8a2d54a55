//! What is kept of users beside what they do in rooms.

use super::{Opener, user};
use crate::{
    Timestamp, UserId, UserName,
    store::Store,
    users::{ChosenName, Revocation, UserDigest},
};

/// It is said once, and stays.
pub async fn bare_ids_of_guests_are_kept_in_mind(opener: &impl Opener) {
    let store = opener.open().await;
    assert!(!store.users().has_bare_guest_ids().await.unwrap());
    for _ in 0..2 {
        store.users().keep_bare_guest_ids().await.unwrap();
        assert!(store.users().has_bare_guest_ids().await.unwrap());
    }
    let store = again(opener, store).await;
    assert!(store.users().has_bare_guest_ids().await.unwrap());
}

/// The newest revocation of each user, page by page.
pub async fn revocations_are_kept(opener: &impl Opener) {
    let store = opener.open().await;
    let of = |name: &str, at| Revocation { user: UserDigest::of(&user(name).id), at: Timestamp(at) };
    let mut expected = vec![of("alice", 7), of("bob", 1_700_000_000_000_000), of("Bob", 3)];
    for revocation in &expected {
        store.users().revoke(Revocation { at: Timestamp(1), ..*revocation }).await.unwrap();
        store.users().revoke(*revocation).await.unwrap();
        // Another clock may be behind: what was stored is not taken back.
        store.users().revoke(Revocation { at: Timestamp(2), ..*revocation }).await.unwrap();
    }
    expected.sort_by_key(|revocation| revocation.user);
    let store = again(opener, store).await;
    let mut found = Vec::new();
    let ever = Timestamp(i64::MIN);
    while let after = found.last().map(|last: &Revocation| last.user)
        && let page = store.users().revocations(ever, after, 2).await.unwrap()
        && !page.is_empty()
    {
        assert!(page.len() <= 2);
        found.extend(page);
    }
    assert_eq!(found, expected);
    expected.retain(|revocation| revocation.at >= Timestamp(7));
    assert_eq!(expected.len(), 2);
    assert_eq!(store.users().revocations(Timestamp(7), None, 10).await.unwrap(), expected);
    store.users().forget_revocations(Timestamp(7)).await.unwrap();
    assert_eq!(store.users().revocations(ever, None, 10).await.unwrap(), expected);
}

/// Ids are told apart by every byte, and names come back as they were written.
pub async fn chosen_names_are_kept(opener: &impl Opener) {
    let store = opener.open().await;
    let id = |id: &str| UserId::new(id).unwrap();
    let chosen = |name: &str, instead_of: &str| ChosenName {
        name: UserName::new(name).unwrap(),
        instead_of: UserName::new(instead_of).unwrap(),
    };
    let users = store.users();
    assert_eq!(users.chosen_name(&id("u")).await.unwrap(), None);
    users.choose_name(&id("u"), Some(&chosen("Ada", "Ada L."))).await.unwrap();
    users.choose_name(&id("u"), Some(&chosen("Countess \u{1F451}", "Ada"))).await.unwrap();
    users.choose_name(&id("U"), Some(&chosen(&"ﷺ".repeat(3), "b"))).await.unwrap();
    users.choose_name(&id("w"), Some(&chosen("gone", "b"))).await.unwrap();
    users.choose_name(&id("w"), None).await.unwrap();
    let store = again(opener, store).await;
    let users = store.users();
    assert_eq!(users.chosen_name(&id("u")).await.unwrap(), Some(chosen("Countess \u{1F451}", "Ada")));
    assert_eq!(users.chosen_name(&id("U")).await.unwrap(), Some(chosen(&"ﷺ".repeat(3), "b")));
    assert_eq!(users.chosen_name(&id("w")).await.unwrap(), None);
}

/// The same database after a restart.
async fn again(opener: &impl Opener, store: std::sync::Arc<dyn Store>) -> std::sync::Arc<dyn Store> {
    store.close().await;
    drop(store);
    opener.open().await
}
