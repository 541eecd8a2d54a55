//! The tables of accounts on each database.

use std::env;

use chat_core::store::sea::connections;
use sea_orm::{ConnectionTrait, Database};

use super::{super::secret::random_id, *};

const DAY: i64 = 24 * 3_600 * 1_000_000;

fn account(id: &str, name: &str) -> Account {
    Account {
        id: UserId::new(&format!("account:{id}")).unwrap(),
        name: UserName::new(name).unwrap(),
        password: format!("hash of {name}"),
        is_admin: false,
        created_at: Timestamp(7),
    }
}

fn login(number: u8, at: i64) -> NewLogin {
    NewLogin { token: TokenDigest([number; 32]), at: Timestamp(at), expires_at: Timestamp(at + 30 * DAY) }
}

fn ids(page: &AccountPage) -> Vec<&str> {
    page.accounts.iter().map(|account| account.id.as_str()).collect()
}

async fn names_are_one_accounts(store: &AccountStore) {
    let sigma = account("1", "Σίσυφος");
    assert!(store.add(&sigma).await.unwrap());
    for same in ["σίσυφοσ", "ΣΊΣΥΦΟΣ", "  Σίσυφος "] {
        assert!(!store.add(&account("2", same)).await.unwrap(), "{same}");
        assert_eq!(store.by_name(&UserName::new(same).unwrap()).await.unwrap().unwrap(), sigma, "{same}");
    }
    assert!(store.add(&account("3", "Σισυφος")).await.unwrap(), "an accent counts");
    assert!(!store.add(&account("1", "another")).await.unwrap(), "no id is given twice");
    let longest = "\u{fdfa}".repeat(64);
    assert!(store.add(&account("4", &longest)).await.unwrap());
    assert_eq!(store.by_id(&account("4", "x").id).await.unwrap().unwrap().name.as_str(), longest);
    assert_eq!(store.by_name(&UserName::new("nobody").unwrap()).await.unwrap(), None);
}

async fn accounts_are_listed_by_id(store: &AccountStore) {
    for (id, name) in [("a", "Bob"), ("b", "alice"), ("c", "ALAN"), ("d", "Ｂｏｂｂｙ"), ("e", "b%")] {
        store.add(&account(id, name)).await.unwrap();
    }
    let page = async |limit, after: Option<&str>, prefix: Option<&str>| {
        let after = after.map(|after| UserId::new(after).unwrap());
        store.page(AccountQuery { limit, after, name_prefix: prefix.map(ToOwned::to_owned) }).await.unwrap()
    };
    let all = page(10, None, None).await;
    assert_eq!(ids(&all), ["account:a", "account:b", "account:c", "account:d", "account:e"]);
    assert_eq!(all.next, None);
    assert_eq!(all.accounts[0], account("a", "Bob"));
    let first = page(2, None, None).await;
    assert_eq!(ids(&first), ["account:a", "account:b"]);
    assert_eq!(first.next.as_ref().unwrap().as_str(), "account:b");
    let rest = page(3, Some("account:b"), None).await;
    assert_eq!((ids(&rest), &rest.next), (vec!["account:c", "account:d", "account:e"], &None));
    assert_eq!(ids(&page(10, None, Some("AL")).await), ["account:b", "account:c"]);
    assert_eq!(ids(&page(10, None, Some("bob")).await), ["account:a", "account:d"]);
    assert_eq!(ids(&page(10, None, Some("b%")).await), ["account:e"], "it is no pattern");
    assert_eq!(ids(&page(10, None, Some("ob")).await), [""; 0]);
    assert_eq!(ids(&page(10, None, Some(" ")).await).len(), 5);
}

async fn logins_end(store: &AccountStore) {
    let (alice, bob) = (account("1", "Alice"), account("2", "Bob"));
    for account in [&alice, &bob] {
        store.add(account).await.unwrap();
    }
    for number in 1..=3 {
        assert_eq!(store.log_in(&alice, login(number, i64::from(number))).await.unwrap(), Some(vec![]));
    }
    store.log_in(&bob, login(9, 0)).await.unwrap();
    let find = async |number: u8, now| store.login(TokenDigest([number; 32]), Timestamp(now)).await.unwrap();
    assert_eq!(find(1, 5).await, Some((alice.clone(), Timestamp(1 + 30 * DAY))));
    assert_eq!(find(4, 5).await, None);
    assert!(find(1, 30 * DAY).await.is_some() && find(1, 1 + 30 * DAY).await.is_none());
    store.extend(TokenDigest([1; 32]), Timestamp(40 * DAY)).await.unwrap();
    assert_eq!(find(1, 35 * DAY).await.unwrap().1, Timestamp(40 * DAY));
    store.log_out(TokenDigest([2; 32])).await.unwrap();
    store.log_out(TokenDigest([2; 32])).await.unwrap();
    assert!(find(2, 5).await.is_none() && find(3, 5).await.is_some());
    // Those that are over go with the next one.
    let ended = store.log_in(&alice, login(5, 35 * DAY)).await.unwrap().unwrap();
    assert_eq!(ended, [TokenDigest([3; 32])]);
    let mut all = store.log_out_all(&alice.id).await.unwrap();
    all.sort_by_key(|token| token.0);
    assert_eq!(all, [TokenDigest([1; 32]), TokenDigest([5; 32])]);
    assert!(find(1, 5).await.is_none() && find(9, 5).await.is_some());
    store.remove_ended(Timestamp(30 * DAY)).await.unwrap();
    assert!(find(9, 5).await.is_none());
}

async fn an_account_has_so_many_logins(store: &AccountStore) {
    let alice = account("1", "Alice");
    store.add(&alice).await.unwrap();
    for number in 0..60 {
        let ended = store.log_in(&alice, login(number, i64::from(number))).await.unwrap().unwrap();
        let expected: Vec<_> = number.checked_sub(50).map(|oldest| TokenDigest([oldest; 32])).into_iter().collect();
        assert_eq!(ended, expected, "{number}");
    }
    assert_eq!(store.log_out_all(&alice.id).await.unwrap().len(), MOST_LOGINS);
}

async fn another_password_ends_the_other_logins(store: &AccountStore) {
    let old = account("1", "Alice");
    store.add(&old).await.unwrap();
    for number in 1..=3 {
        store.log_in(&old, login(number, 0)).await.unwrap();
    }
    let ended = store.set_password(&old, "new hash", Some(TokenDigest([2; 32]))).await.unwrap().unwrap();
    assert_eq!(ended.len(), 2);
    assert!(store.login(TokenDigest([2; 32]), Timestamp(1)).await.unwrap().is_some());
    // Whoever has proved the old one meanwhile comes too late.
    assert_eq!(store.log_in(&old, login(4, 0)).await.unwrap(), None);
    assert_eq!(store.set_password(&old, "third hash", None).await.unwrap(), None);
    store.rehash(&old, "old hash, anew").await.unwrap();
    let now = store.by_id(&old.id).await.unwrap().unwrap();
    assert_eq!(now, Account { password: "new hash".to_owned(), ..old });
    store.rehash(&now, "new hash, anew").await.unwrap();
    assert_eq!(store.by_id(&now.id).await.unwrap().unwrap().password, "new hash, anew");
    assert_eq!(store.set_password(&account("2", "Bob"), "x", None).await.unwrap(), None);
}

async fn a_closed_account_is_nobodys(store: &AccountStore) {
    let alice = Account { is_admin: true, ..account("1", "Alice") };
    assert!(!store.has_admin().await.unwrap());
    store.add(&alice).await.unwrap();
    store.log_in(&alice, login(1, 0)).await.unwrap();
    assert!(store.has_admin().await.unwrap());
    assert_eq!(store.close_account(&alice.id).await.unwrap(), Some(vec![TokenDigest([1; 32])]));
    assert_eq!(store.close_account(&alice.id).await.unwrap(), None);
    assert_eq!(store.closed().await.unwrap(), std::slice::from_ref(&alice.id));
    assert_eq!(store.log_in(&alice, login(2, 0)).await.unwrap(), None);
    assert_eq!(store.by_name(&alice.name).await.unwrap(), None);
    assert_eq!(store.by_id(&alice.id).await.unwrap(), None);
    assert!(!store.has_admin().await.unwrap());
    assert!(store.page(AccountQuery { limit: 9, after: None, name_prefix: None }).await.unwrap().accounts.is_empty());
    assert!(!store.add(&account("2", "Alice")).await.unwrap(), "the name is free when all is done");
    store.remove_closed(&alice.id).await.unwrap();
    assert_eq!(store.closed().await.unwrap(), []);
    let other = account("2", "Alice");
    store.add(&other).await.unwrap();
    store.remove_closed(&other.id).await.unwrap();
    assert!(store.by_id(&other.id).await.unwrap().is_some(), "only what is closed is removed");
}

async fn nothing_is_kept_of_who_is_erased(store: &AccountStore) {
    let (alice, bob) = (account("1", "Alice"), account("2", "Bob"));
    for (account, number) in [(&alice, 1), (&bob, 2)] {
        store.add(account).await.unwrap();
        store.log_in(account, login(number, 0)).await.unwrap();
    }
    let tokens = [1, 2, 3].map(|number| TokenDigest([number; 32]));
    let living = async || store.living(&tokens).await.unwrap();
    assert_eq!(living().await, HashSet::from([tokens[0], tokens[1]]));
    assert!(store.erase(&alice.id).await.unwrap());
    assert!(!store.erase(&alice.id).await.unwrap());
    assert_eq!(living().await, HashSet::from([tokens[1]]));
    assert_eq!(store.by_name(&alice.name).await.unwrap(), None);
    assert!(store.add(&Account { id: UserId::new("account:3").unwrap(), ..alice }).await.unwrap(), "the name is free");
    assert_eq!(store.end_logins(&bob.id).await.unwrap(), 1);
    assert_eq!(living().await, HashSet::new());
    store.close_account(&bob.id).await.unwrap();
    assert!(store.erase(&bob.id).await.unwrap(), "also of whom something is left to do");
    assert_eq!(store.closed().await.unwrap(), []);
}

async fn tables_of_others_are_refused(store: &AccountStore) {
    let refused = async |sql: &str| {
        store.connection.execute_unprepared(sql).await.unwrap();
        match store.migrate().await {
            Err(StartError::Unusable(reason)) => reason,
            other => panic!("{other:?}"),
        }
    };
    let newer = refused("INSERT INTO chat_account_migrations (version, applied_at) VALUES ('a9999_later', 1)").await;
    assert!(newer.contains("a9999_later"), "{newer}");
    let theirs = refused("DROP TABLE chat_account_migrations").await;
    assert!(theirs.contains("chat_accounts"), "{theirs}");
}

/// Runs each test on a database of its own.
async fn all_on(open: impl AsyncFn() -> AccountStore) {
    macro_rules! on_its_own {
        ($($test:ident),+) => {$(
            let store = open().await;
            store.migrate().await.unwrap();
            // Whoever starts again finds everything there.
            store.migrate().await.unwrap();
            $test(&store).await;
            store.close().await;
        )+};
    }
    on_its_own!(
        names_are_one_accounts,
        accounts_are_listed_by_id,
        logins_end,
        an_account_has_so_many_logins,
        another_password_ends_the_other_logins,
        a_closed_account_is_nobodys,
        nothing_is_kept_of_who_is_erased,
        tables_of_others_are_refused
    );
}

#[tokio::test]
async fn accounts_are_kept_in_sqlite() {
    all_on(async || connections("sqlite::memory:", 4).unwrap().into()).await;
}

#[tokio::test]
async fn where_there_are_no_accounts_there_is_nothing_to_end() {
    let store = AccountStore::from(connections("sqlite::memory:", 1).unwrap());
    let alice = account("1", "Alice").id;
    assert_eq!((store.end_logins(&alice).await, store.erase(&alice).await), (Ok(0), Ok(false)));
    assert!(!store.has_tables().await.unwrap(), "and none are made");
}

/// A new database on the server that this variable names. It goes with the server.
async fn new_database(variable: &str) -> String {
    let admin = env::var(variable).unwrap_or_else(|_| panic!("{variable} names no server"));
    let name = format!("chat_accounts_{}", random_id().unwrap());
    let connection = Database::connect(&admin).await.unwrap();
    connection.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    connection.close().await.unwrap();
    let (server, query) = admin.split_once('?').unwrap_or((&admin, ""));
    let authority = server.find("://").map_or(0, |at| at + 3);
    let end = server[authority..].find('/').map_or(server.len(), |at| authority + at);
    format!("{}/{name}?{query}", &server[..end]).trim_end_matches('?').to_owned()
}

async fn all_on_server(variable: &str) {
    all_on(async || connections(&new_database(variable).await, 4).unwrap().into()).await;
}

#[tokio::test]
#[ignore = "needs a server: cargo xtask test"]
async fn accounts_are_kept_in_postgres() {
    all_on_server("CHAT_TEST_POSTGRES_URL").await;
}

#[tokio::test]
#[ignore = "needs a server: cargo xtask test"]
async fn accounts_are_kept_in_mysql() {
    all_on_server("CHAT_TEST_MYSQL_URL").await;
}
