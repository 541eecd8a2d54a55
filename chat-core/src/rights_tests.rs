use super::*;

const AT: Timestamp = Timestamp(1_000);

const OPEN: RoomTerms = RoomTerms { kind: RoomKind::Public, owned: false, invites: InvitedBy::Members };
const PUBLIC: RoomTerms = RoomTerms { owned: true, ..OPEN };
const PRIVATE: RoomTerms = RoomTerms { kind: RoomKind::Private, ..PUBLIC };
const DIRECT: RoomTerms = RoomTerms { kind: RoomKind::Direct, owned: false, invites: InvitedBy::Members };

fn user(standing: Standing) -> Asker {
    Asker::User { standing, admin: false }
}

fn member(role: Role) -> Asker {
    user(Standing { role: Some(role), ..Standing::default() })
}

/// Who asks, with the letter that stands for them in the table below.
fn askers() -> Vec<(char, Asker)> {
    vec![
        ('-', Asker::Anonymous),
        ('s', user(Standing::default())),
        ('m', member(Role::Member)),
        ('M', member(Role::Moderator)),
        ('O', member(Role::Owner)),
        ('A', Asker::User { standing: Standing::default(), admin: true }),
        ('S', Asker::Host),
    ]
}

/// Who may do something, as letters.
fn allowed(action: RoomAction, terms: RoomTerms) -> String {
    askers()
        .into_iter()
        .filter(|(_, asker)| terms.check(action, *asker, AT).is_ok())
        .map(|(letter, _)| letter)
        .collect()
}

/// The table of the design, cell by cell: an unowned room, a public one, a private one, a direct one. In a direct room an
/// administrator is a stranger, and nobody has a role; whoever is in is a member.
#[test]
fn everyone_may_do_what_the_table_says() {
    use RoomAction::*;
    let table = [
        (Read, ["-smMOAS", "-smMOAS", "mMOAS", "mMOS"]),
        (Mark, ["smMOAS", "smMOAS", "mMOAS", "mMOS"]),
        (Write, ["smMOAS", "smMOAS", "mMOAS", "mMOS"]),
        (DeleteOwn, ["smMOAS", "smMOAS", "mMOAS", "mMOS"]),
        (Pin, ["smMOAS", "MOAS", "MOAS", "mMOS"]),
        (MentionRoom, ["smMOAS", "MOAS", "MOAS", "S"]),
        (DeleteOthers, ["AS", "MOAS", "MOAS", "S"]),
        (Update, ["-smMOAS", "MOAS", "MOAS", ""]),
        (ChangeKind, ["", "MOAS", "MOAS", ""]),
        (ChangeInvites, ["AS", "MOAS", "MOAS", ""]),
        (Join, ["smMOAS", "smMOAS", "mMOAS", ""]),
        (Leave, ["smMOAS", "smMOAS", "mMOAS", ""]),
        (Add, ["mMOAS", "mMOAS", "mMOAS", ""]),
        (Invite, ["mMOAS", "mMOAS", "mMOAS", ""]),
        (Remove, ["AS", "MOAS", "MOAS", ""]),
        (Ban, ["AS", "MOAS", "MOAS", ""]),
        (Mute, ["AS", "MOAS", "MOAS", ""]),
        (GiveRoles, ["AS", "OAS", "OAS", ""]),
        (Audit, ["AS", "MOAS", "MOAS", ""]),
        (Delete, ["-smMOAS", "OAS", "OAS", ""]),
    ];
    assert_eq!(table.map(|(action, _)| action), RoomAction::ALL);
    for (action, cells) in table {
        let is = [OPEN, PUBLIC, PRIVATE, DIRECT].map(|terms| allowed(action, terms));
        assert_eq!(is, cells, "{action:?}");
    }
}

#[test]
fn moderators_alone_bring_others_in_where_the_room_says_so() {
    for terms in [OPEN, PUBLIC, PRIVATE] {
        let terms = RoomTerms { invites: InvitedBy::Moderators, ..terms };
        assert_eq!([RoomAction::Add, RoomAction::Invite].map(|action| allowed(action, terms)), ["MOAS"; 2]);
    }
}

#[test]
fn a_hidden_room_is_not_there_for_strangers_whatever_they_ask() {
    for terms in [PRIVATE, DIRECT] {
        for action in RoomAction::ALL {
            assert_eq!(terms.check(action, user(Standing::default()), AT), Err(Error::RoomNotFound), "{action:?}");
            // Whoever has to say who they are hears that of every room, also of one that is not there.
            let named = action.check_named(Asker::Anonymous).err().unwrap_or(Error::RoomNotFound);
            assert_eq!(terms.check(action, Asker::Anonymous, AT), Err(named), "{action:?}");
        }
    }
}

#[test]
fn whoever_is_banned_from_a_public_room_may_do_nothing_there_until_it_is_over() {
    let until = |at| user(Standing { banned: Some(Until::At(Timestamp(at))), ..Standing::default() });
    for terms in [OPEN, PUBLIC] {
        for action in RoomAction::ALL {
            let banned = Err(Error::Banned { until: Some(Timestamp(1_001)) });
            assert_eq!(terms.check(action, until(1_001), AT), banned, "{action:?}");
        }
        assert_eq!(terms.check(RoomAction::Write, until(1_000), AT), Ok(()));
    }
    let for_good = user(Standing { banned: Some(Until::ForGood), ..Standing::default() });
    assert_eq!(PUBLIC.check(RoomAction::Read, for_good, AT), Err(Error::Banned { until: None }));
    assert_eq!(PRIVATE.check(RoomAction::Read, for_good, AT), Err(Error::RoomNotFound));
}

#[test]
fn the_muted_read_mark_and_delete_their_own_and_nothing_else_of_what_all_may() {
    let muted = |role| user(Standing { role: Some(role), muted: Some(Until::ForGood), ..Standing::default() });
    for terms in [OPEN, PUBLIC, PRIVATE, DIRECT] {
        for role in [Role::Member, Role::Moderator, Role::Owner] {
            let refused: Vec<_> = RoomAction::ALL
                .into_iter()
                .filter(|action| terms.check(*action, muted(role), AT) == Err(Error::Muted { until: None }))
                .collect();
            let expected = [RoomAction::Write, RoomAction::Pin, RoomAction::MentionRoom].into_iter();
            let expected: Vec<_> = expected.filter(|action| terms.check(*action, member(role), AT).is_ok()).collect();
            assert_eq!(refused, expected, "{terms:?} {role:?}");
            assert!(refused.contains(&RoomAction::Write));
        }
    }
}

#[test]
fn nobody_acts_on_their_like_but_owners() {
    let standing = |role| Standing { role, ..Standing::default() };
    let roles = [None, Some(Role::Member), Some(Role::Moderator), Some(Role::Owner)];
    let yields = |rank| roles.map(|role| standing(role).yields_to(rank));
    assert_eq!(yields(Some(Role::Member)), [true, false, false, false]);
    assert_eq!(yields(Some(Role::Moderator)), [true, true, false, false]);
    assert_eq!(yields(Some(Role::Owner)), [true; 4]);
    assert_eq!(yields(None), [false; 4]);
}
