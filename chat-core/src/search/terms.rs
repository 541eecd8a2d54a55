//! What of a text stands in the index.

use std::collections::BTreeSet;

use super::runs::{Run, runs};

/// The most bytes of a term. Of a longer word its beginning is the term, and the text has to tell the rest.
pub const MAX_TERM_BYTES: usize = 64;

/// The most terms of a text. A message of 4,000 characters has fewer. Of a text with more, the last in order are not found.
pub const MAX_TERMS: usize = 8_192;

/// The terms of a text: sorted, each once, each at most [`MAX_TERM_BYTES`] long, at most [`MAX_TERMS`].
#[must_use]
pub fn terms(text: &str) -> Vec<String> {
    let mut terms = BTreeSet::new();
    for run in runs(text) {
        match run {
            Run::Word(word) => drop(terms.insert(term_of(&word).to_owned())),
            Run::Phrase(phrase) => {
                terms.extend(pairs(&phrase).map(str::to_owned));
                terms.extend(phrase.chars().next_back().map(String::from));
            }
        }
    }
    terms.into_iter().take(MAX_TERMS).collect()
}

/// The term of a word: the word itself, or as much of its beginning as a term may have.
pub(super) fn term_of(word: &str) -> &str {
    &word[..word.floor_char_boundary(MAX_TERM_BYTES)]
}

/// Each two neighbouring characters.
pub(super) fn pairs(phrase: &str) -> impl Iterator<Item = &str> {
    let starts = phrase.char_indices().map(|(at, _)| at);
    let ends = phrase.char_indices().skip(1).map(|(at, c)| at + c.len_utf8());
    starts.zip(ends).map(|(start, end)| &phrase[start..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_terms_each_once_and_in_order() {
        assert_eq!(terms("To be, or not TO BE"), ["be", "not", "or", "to"]);
        assert_eq!(terms("…"), [] as [&str; 0]);
    }

    #[test]
    fn phrases_are_found_by_their_pairs_and_their_last_character() {
        assert_eq!(terms("今天天气"), ["今天", "天天", "天气", "气"]);
        assert_eq!(terms("中"), ["中"]);
        assert_eq!(terms("한글"), ["글", "한글"]);
        assert_eq!(terms("コーヒー"), ["コー", "ヒー", "ー", "ーヒ"]);
    }

    #[test]
    fn terms_are_bounded_in_length_and_number() {
        let long = "é".repeat(4_000);
        assert_eq!(terms(&long), ["e".repeat(MAX_TERM_BYTES)]);
        assert!(terms(&"ж".repeat(99)).iter().all(|term| term.len() <= MAX_TERM_BYTES));
        let han: String = ('\u{4e00}'..='\u{9fff}').collect();
        assert_eq!(terms(&han).len(), MAX_TERMS);
        let message: String = han.chars().take(4_000).collect();
        assert_eq!(terms(&message).len(), 4_000);
    }
}
