//! A short run of each target: its seeds, and thousands of inputs that are made of them.

use std::{fs, path::PathBuf};

use super::*;

/// How many inputs are made of the seeds of a target.
const INPUTS: u32 = 20_000;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Pseudo-random numbers (xorshift64): the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    /// Some bytes of an input, from one place to another.
    fn part<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        let start = self.below(input.len());
        let length = self.below(input.len() - start + 1);
        &input[start..start + length]
    }

    /// Changes an input in one place.
    fn change(&mut self, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.below(input.len() + 1);
        let new: Vec<u8> = match self.below(6) {
            0 => vec![u8::try_from(self.below(256)).unwrap()],
            1 => ODD[self.below(ODD.len())].as_bytes().to_vec(),
            2 => {
                let seed = self.below(seeds.len());
                self.part(&seeds[seed]).to_vec()
            }
            3 => {
                let times = 1 + self.below(8);
                self.part(input).repeat(times)
            }
            4 => return input.truncate(at),
            _ => {
                let end = at + self.below(input.len() - at + 1);
                return drop(input.drain(at..end));
            }
        };
        input.splice(at..at, new);
    }
}

/// What has broken others: ends of ranges, escapes, scripts that are joined, marks that combine, directions, no characters.
const ODD: [&str; 22] = [
    "\"",
    "{",
    "}",
    "[",
    "\\",
    ":",
    ",",
    "null",
    "-1",
    "1e400",
    "9007199254740992",
    "18446744073709551616",
    "\\ud800",
    "\\u0000",
    "%",
    "%00",
    "\u{202e}",
    "\u{200d}",
    "\u{301}",
    "中文",
    "ﷺ",
    "\u{10ffff}",
];

fn run(target: &str) {
    let (_, run) = TARGETS.into_iter().find(|(name, _)| *name == target).unwrap();
    let seeds = seeds(target);
    assert!(seeds.len() >= 5, "{target} has {} seeds", seeds.len());
    seeds.iter().for_each(|seed| run(seed));
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for _ in 0..INPUTS {
        let mut input = seeds[numbers.below(seeds.len())].clone();
        for _ in 0..=numbers.below(4) {
            numbers.change(&mut input, &seeds);
        }
        let shown = input.clone();
        if std::panic::catch_unwind(|| run(&input)).is_err() {
            panic!("{target} fails on {:?}", String::from_utf8_lossy(&shown));
        }
    }
}

#[test]
fn command_frames_of_any_kind_are_read_or_refused() {
    run("command_frame");
}

#[test]
fn bodies_of_any_kind_are_read_or_refused() {
    run("request_body");
}

#[test]
fn positions_and_cursors_of_any_kind_are_read_or_refused() {
    run("position");
}

#[test]
fn names_of_any_kind_are_read_or_refused() {
    run("name");
}

#[test]
fn tokens_of_any_kind_are_read_or_refused() {
    run("token");
}

#[test]
fn search_queries_of_any_kind_are_read_or_refused() {
    run("search_query");
}

/// `cargo fuzz` knows all of them.
#[test]
fn each_target_has_its_program() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/fuzz_targets");
    for (name, _) in TARGETS {
        let program = fs::read_to_string(folder.join(format!("{name}.rs"))).unwrap();
        assert!(program.contains(&format!("chat_http::fuzzing::{name}(input)")), "{name}");
    }
    assert_eq!(fs::read_dir(folder).unwrap().count(), TARGETS.len());
}
