//! Names, plans, and a process that is not armed. (Armed it would be for all tests of this program: what an armed one does
//! is shown with the real server.)

use super::*;

#[test]
fn every_name_is_read_as_what_it_names() {
    for (index, point) in Point::ALL.into_iter().enumerate() {
        assert_eq!(point.to_string().parse(), Ok(point));
        assert_eq!(point as usize, index, "passes are counted by place");
    }
}

#[test]
fn a_plan_is_read() {
    let plan = Plan::parse("after_commit:3,in_room_task:1:panic").unwrap();
    let at = |point, nth, action| At { point, nth, action };
    assert_eq!(plan.at, [at(Point::AfterCommit, 3, Action::Abort), at(Point::InRoomTask, 1, Action::Panic)]);
    assert_eq!(plan.at[0].to_string().parse(), Ok(plan.at[0]));
    assert_eq!(Plan::parse(""), Ok(Plan::default()));
}

#[test]
fn a_bad_plan_says_what_there_is() {
    let said = |at| Plan::parse(at).unwrap_err().to_string();
    assert!(said("after_comit:1").contains("after_commit"));
    for wrong in ["after_commit", "after_commit:0", "after_commit:x"] {
        assert!(said(wrong).contains("which pass"), "{wrong}");
    }
    assert!(said("after_commit:1:explode").contains("abort, panic, stop"));
    assert!(said("after_commit:1:abort:1").contains(":1"));
}

#[test]
fn nothing_happens_in_a_process_that_is_not_armed() {
    for point in Point::ALL {
        let before = passes(point);
        reached(point);
        assert!(passes(point) > before, "a pass is counted");
    }
}
