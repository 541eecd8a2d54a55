//! Names, plans, and a process that is not armed. (Armed it would be for all tests of this program: what an armed one does
//! is shown with the real server.)

use super::*;
use crate::{Epoch, HistoryPage, HistoryQuery, RoomId, Seq};

#[test]
fn every_name_is_read_as_what_it_names() {
    for bug in Bug::ALL {
        assert_eq!(bug.to_string().parse(), Ok(*bug));
    }
    for point in Point::ALL {
        assert_eq!(point.to_string().parse(), Ok(point));
    }
    let names: std::collections::BTreeSet<_> = Bug::ALL.iter().map(|bug| bug.name()).collect();
    assert_eq!(names.len(), Bug::ALL.len());
}

#[test]
fn a_plan_is_read() {
    let plan = Plan::parse(Some("drop_delivery"), Some("after_commit:3,in_room_task:1:panic")).unwrap();
    let at = |point, nth, action| At { point, nth, action };
    assert_eq!(plan.bug, Some(Bug::DropDelivery));
    assert_eq!(plan.at, [at(Point::AfterCommit, 3, Action::Abort), at(Point::InRoomTask, 1, Action::Panic)]);
    assert_eq!(plan.at[0].to_string().parse(), Ok(plan.at[0]));
    assert!(Plan::parse(None, Some("")).unwrap().is_empty() && Plan::parse(Some(""), None).unwrap().is_empty());
}

#[test]
fn a_bad_plan_says_what_there_is() {
    let said = |bug, at| Plan::parse(bug, at).unwrap_err().to_string();
    assert!(said(Some("nothing"), None).contains("drop_delivery"));
    assert!(said(None, Some("after_comit:1")).contains("after_commit"));
    for wrong in ["after_commit", "after_commit:0", "after_commit:x"] {
        assert!(said(None, Some(wrong)).contains("which pass"), "{wrong}");
    }
    assert!(said(None, Some("after_commit:1:explode")).contains("abort, panic, stop"));
    assert!(said(None, Some("after_commit:1:abort:1")).contains(":1"));
}

#[test]
fn nothing_happens_in_a_process_that_is_not_armed() {
    assert!(Bug::ALL.iter().all(|bug| !has(*bug)));
    assert_eq!((bug(), armed_at()), (None, None));
    for point in Point::ALL {
        reached(point);
        assert_eq!(due(point), None);
    }
    let read =
        HistoryPage { messages: vec![], head: Seq(1), epoch: Epoch::new("e"), has_before: false, has_after: false };
    assert_eq!(page(RoomId(1), HistoryQuery::newest(), read.clone()), read);
}

/// The table of the bugs' documentation has a row for each.
#[test]
fn every_bug_is_explained() {
    let table = include_str!("bug.rs");
    for bug in Bug::ALL {
        let rows = table.matches(&format!("/// | `{bug}` |")).count();
        assert_eq!(rows, 1, "{bug}");
    }
}
