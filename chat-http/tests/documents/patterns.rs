//! The document's patterns and the engine agree on every text: they accept the same texts and refuse the same texts.

use chat_core::{RoomName, Topic, UserName, characters::Class, text::check_message};
use regress::Regex;
use serde_json::Value;

use crate::texts::texts;

/// The pattern at a place of the document, as browsers compile it, and as generated clients in Rust do.
fn pattern(pointer: &str) -> [Regex; 2] {
    let document: Value = serde_json::from_str(&chat_http::openapi_json()).unwrap();
    let pattern = document.pointer(pointer).unwrap()["pattern"].as_str().unwrap().to_owned();
    ["u", ""].map(|flags| Regex::with_flags(&pattern, flags).unwrap())
}

fn assert_agree(pointer: &str, is_taken: impl Fn(&str) -> bool) {
    let patterns = pattern(pointer);
    let (mut taken, mut all) = (0, 0);
    for text in texts(20_000) {
        let expected = is_taken(&text);
        for pattern in &patterns {
            assert_eq!(pattern.find(&text).is_some(), expected, "{pointer}: {text:?}");
        }
        taken += usize::from(expected);
        all += 1;
    }
    assert!(taken > all / 20 && taken < all * 19 / 20, "{pointer}: {taken} of {all} show little");
}

#[test]
fn names_of_rooms() {
    assert_agree("/components/schemas/RoomDraft/properties/name", |text| RoomName::new(text).is_ok());
}

#[test]
fn names_of_users() {
    let is_free = |name: UserName| !name.as_str().starts_with("erased:");
    assert_agree("/components/schemas/UserName", |text| UserName::new(text).is_ok_and(is_free));
    let [name, _] = pattern("/components/schemas/UserName");
    assert!(name.find(" erased:x").is_none() && name.find("erased").is_some());
}

#[test]
fn topics() {
    // The length has a limit of its own.
    let short = |text: &str| Topic::new(&text.chars().take(1_000).collect::<String>()).is_ok();
    assert_agree("/components/schemas/RoomDraft/properties/topic", short);
}

#[test]
fn messages() {
    assert_agree("/components/schemas/MessageDraft/properties/content", |text| check_message(text, 10_000).is_ok());
}

/// A stored name is accepted again, since clients send back what they were shown.
#[test]
fn names_are_taken_again_as_they_are_shown() {
    for text in texts(20_000).filter(|text| !is_out_of_order(text)) {
        let Ok(name) = UserName::new(&text) else { continue };
        assert!(name.as_str().len() <= 256, "{text:?}");
        if name.as_str().chars().count() <= 64 {
            assert_eq!(UserName::new(name.as_str()).as_ref(), Ok(&name), "{text:?}");
        }
    }
}

/// Whether NFC would swap a virama with the character before it, so that a joiner no longer follows the virama.
fn is_out_of_order(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    letters.windows(2).any(|pair| {
        let name = UserName::new(&format!("q{}{}", pair[0], pair[1]));
        Class::Virama.has(pair[1]) && name.is_ok_and(|name| !name.as_str().ends_with(pair[1]))
    })
}

#[test]
fn long_texts_are_matched_in_no_time() {
    let [content, _] = pattern("/components/schemas/MessageDraft/properties/content");
    let [name, _] = pattern("/components/schemas/UserName");
    for text in ["a", " ", "❤\u{fe0f}", "\r\n"].map(|unit| unit.repeat(4_000) + "\u{1}") {
        assert!(content.find(&text).is_none() && name.find(&text).is_none());
    }
    assert!(content.find(&"❤\u{fe0f}\u{200d}".repeat(1_300)).is_some());
}
