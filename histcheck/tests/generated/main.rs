//! A long history of a correct server raises no anomaly; if one thing in it is changed, exactly that is found.
#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a step looks at those kinds that concern it, and at no others")]

mod bugs;
mod people;
mod rooms;
mod server;

use std::time::Instant;

use histcheck::{
    Name, Outcomes, check,
    history::{Attached, Outcome, Record, What},
    read, write,
};

use self::{bugs::Bug, server::Server};

#[test]
fn a_long_clean_history_is_clean() {
    let records = Server::run(100_000, 7, None);
    let started = Instant::now();
    let report = check(&records);
    assert!(report.is_clean(), "{report}");
    eprintln!("checked in {:?}:\n{report}", started.elapsed());
    let is_frequent =
        |(name, outcomes): &(&str, Outcomes)| ["members", "invites", "commits"].contains(name) || outcomes.ok > 500;
    assert!(
        report.summary.commands().iter().all(is_frequent) && report.summary.resumed > 1000 && report.summary.cut > 100
    );
}

#[test]
fn many_short_ones_are_clean() {
    for seed in 0..50 {
        let report = check(&Server::run(3000, seed, None));
        assert!(report.is_clean(), "seed {seed}\n{report}");
    }
}

#[test]
fn it_is_the_same_after_being_written_and_read() {
    let records = Server::run(3000, 1, None);
    let mut file = Vec::new();
    for record in &records {
        write(&mut file, record).unwrap();
    }
    assert_eq!(read(file.as_slice()).unwrap(), records);
}

#[test]
fn one_change_is_found() {
    let records = Server::run(3000, 3, None);
    let events: Vec<usize> = places(&records, |what| matches!(what, What::Event { .. }));
    let oks = places(&records, |what| matches!(what, What::Send { result: Outcome::Ok(_), .. }));
    let gaps = places(
        &records,
        |what| matches!(what, What::Attach { result: Outcome::Ok(Attached::Resumed { events, .. }), .. } if !events.is_empty()),
    );
    let expect = |name: Name, changed: Vec<Record>| {
        let report = check(&changed);
        assert!(report.found.contains_key(&name), "{name} is not found\n{report}");
    };
    let middle = |places: &[usize]| places[places.len() / 2];

    // An event that is followed by another one in its stream.
    let followed = |place: &&usize| {
        let is_next = |other: &&usize| {
            **other > **place
                && records[**other].connection == records[**place].connection
                && records[**other].what.room() == records[**place].what.room()
        };
        events.iter().any(|other| is_next(&other))
    };
    let dropped = *events.iter().skip(events.len() / 4).find(followed).unwrap();
    expect(Name::Gap, without(&records, dropped));
    let mut doubled = records.clone();
    doubled.insert(dropped, records[dropped].clone());
    expect(Name::Repeat, doubled);

    let mut renumbered = records.clone();
    if let What::Send { result: Outcome::Ok(sent), .. } = &mut renumbered[middle(&oks)].what {
        sent.seq += 1;
    }
    expect(Name::Fork, renumbered);

    let mut cut = records.clone();
    if let What::Attach { result: Outcome::Ok(Attached::Resumed { events, .. }), .. } = &mut cut[middle(&gaps)].what {
        events.pop();
    }
    expect(Name::DishonestResume, cut);

    let mut unsaid = records.clone();
    if let What::Stored { events, head, .. } = &mut unsaid.last_mut().unwrap().what {
        events.truncate(1);
        *head = 1;
    }
    expect(Name::OkWithoutStore, unsaid);
}

#[test]
fn every_bug_of_a_server_is_found() {
    for (bug, name) in Bug::ALL {
        let report = check(&Server::run(10_000, 5, Some(bug)));
        assert!(report.found.contains_key(&name), "{bug:?} is not found as {name}\n{report}");
    }
}

fn places(records: &[Record], is_it: impl Fn(&What) -> bool) -> Vec<usize> {
    records.iter().enumerate().filter(|(_, record)| is_it(&record.what)).map(|(place, _)| place).collect()
}

fn without(records: &[Record], place: usize) -> Vec<Record> {
    let mut records = records.to_vec();
    records.remove(place);
    records
}
