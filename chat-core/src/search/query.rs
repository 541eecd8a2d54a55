//! What is looked for.

use std::collections::BTreeSet;

use super::{
    runs::{Run, runs},
    terms::{MAX_TERM_BYTES, pairs, term_of},
};
use crate::InvalidField;

/// The most terms that are looked up for a query. The text tells whatever is beyond them.
pub const MAX_LOOKUPS: usize = 32;

/// From how many letters on the last word may be the beginning of one.
const PREFIX_LETTERS: usize = 3;

/// The most characters of a query.
const MAX_QUERY: usize = 200;

/// What to look for in texts: all its words have to occur, in any order. From 3 letters on the last word may be the beginning
/// of one, whatever stands behind it. In scripts that are written without spaces, each run of the query has to occur as it
/// is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextQuery {
    /// In the order of the query, each once; at least one.
    needles: Vec<Needle>,
}

/// Something that has to occur.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Needle {
    /// A word.
    Word(String),
    /// The beginning of a word.
    Beginning(String),
    /// A part of a phrase.
    Part(String),
}

/// A term, or several, to look up in an index.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lookup {
    /// This term.
    Exact(String),
    /// Every term that begins like this.
    Prefix(String),
}

impl TextQuery {
    /// Reads a query as somebody typed it.
    ///
    /// # Errors
    /// [`InvalidField`] (`q`) when it is empty or longer than 200 characters, or when it has neither a letter nor a digit.
    pub fn parse(query: &str) -> Result<Self, InvalidField> {
        if query.is_empty() || query.chars().nth(MAX_QUERY).is_some() {
            return Err(InvalidField::new("q", "must be 1 to 200 characters"));
        }
        let runs = runs(query);
        let last = runs.len().saturating_sub(1);
        let mut known = BTreeSet::new();
        let needles: Vec<Needle> = runs
            .into_iter()
            .enumerate()
            .map(|(place, run)| Needle::of(run, place == last))
            .filter(|needle| known.insert(needle.clone()))
            .collect();
        if needles.is_empty() {
            return Err(InvalidField::new("q", "must have a letter or a digit"));
        }
        Ok(Self { needles })
    }

    /// Whether a text has everything that is looked for.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let runs = runs(text);
        self.needles.iter().all(|needle| runs.iter().any(|run| needle.is_in(run)))
    }

    /// What to look up: each once, at least one, at most [`MAX_LOOKUPS`]. A text that [matches](Self::matches) has a term for
    /// each.
    #[must_use]
    pub fn lookups(&self) -> Vec<Lookup> {
        let mut known = BTreeSet::new();
        let all = self.needles.iter().flat_map(Needle::lookups);
        all.filter(|lookup| known.insert(lookup.clone())).take(MAX_LOOKUPS).collect()
    }
}

impl Needle {
    fn of(run: Run, is_last: bool) -> Self {
        match run {
            Run::Word(word) if is_last && word.chars().nth(PREFIX_LETTERS - 1).is_some() => Self::Beginning(word),
            Run::Word(word) => Self::Word(word),
            Run::Phrase(phrase) => Self::Part(phrase),
        }
    }

    fn is_in(&self, run: &Run) -> bool {
        match (self, run) {
            (Self::Word(needle), Run::Word(word)) => word == needle,
            (Self::Beginning(needle), Run::Word(word)) => word.starts_with(needle),
            (Self::Part(needle), Run::Phrase(phrase)) => phrase.contains(needle),
            _ => false,
        }
    }

    fn lookups(&self) -> Vec<Lookup> {
        match self {
            Self::Beginning(word) if word.len() <= MAX_TERM_BYTES => vec![Lookup::Prefix(word.clone())],
            Self::Word(word) | Self::Beginning(word) => vec![Lookup::Exact(term_of(word).to_owned())],
            Self::Part(phrase) if phrase.chars().nth(1).is_none() => vec![Lookup::Prefix(phrase.clone())],
            Self::Part(phrase) => pairs(phrase).map(|pair| Lookup::Exact(pair.to_owned())).collect(),
        }
    }
}

impl Lookup {
    /// The first term that it may be, as bytes are compared.
    #[must_use]
    pub fn start(&self) -> &str {
        match self {
            Self::Exact(term) | Self::Prefix(term) => term,
        }
    }

    /// Whether this term is meant.
    #[must_use]
    pub fn has(&self, term: &str) -> bool {
        match self {
            Self::Exact(exact) => term == exact,
            Self::Prefix(prefix) => term.starts_with(prefix),
        }
    }

    /// For a prefix: the bound below which all the terms that are meant lie. No term has this character, which is none.
    #[must_use]
    pub fn end(&self) -> Option<String> {
        match self {
            Self::Exact(_) => None,
            Self::Prefix(prefix) => Some(format!("{prefix}\u{10ffff}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::terms::terms, *};

    fn finds(query: &str, text: &str) -> bool {
        TextQuery::parse(query).unwrap().matches(text)
    }

    #[test]
    fn all_words_have_to_occur_in_any_order() {
        assert!(finds("panic don't", "Don't panic!"));
        assert!(!finds("panic calmly", "Don't panic!"));
        assert!(!finds("pan c", "Don't panic!"), "only the last word may be a beginning");
    }

    #[test]
    fn the_last_word_may_be_a_beginning_from_three_letters_on() {
        for query in ["pan", "don pan", "PÁN", "pan ", "pan!", "panic"] {
            assert!(finds(query, "Don't panic!"), "{query}");
        }
        for query in ["pa", "anic", "pan don"] {
            assert!(!finds(query, "Don't panic!"), "{query}");
        }
        assert!(finds("42", "the answer is 42") && !finds("42", "423"));
    }

    #[test]
    fn what_readers_take_for_the_same_is_found() {
        for (query, text) in
            [("e", "é"), ("café", "CAFE"), ("STRASSE", "Hauptstr. / straße"), ("ｇｏｏｄ", "Good"), ("ガ", "ｶﾞｰﾃﾞﾝ")]
        {
            assert!(finds(query, text), "{query} in {text}");
        }
    }

    #[test]
    fn any_part_of_a_phrase_is_found() {
        for text in ["今天天气很好", "ラーメンを食べた", "안녕하세요 여러분", "สวัสดีครับ", "ສະບາຍດີ", "សួស្តី"]
        {
            let text: String = text.split(' ').next().unwrap().to_owned();
            let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            for (from, start) in starts.iter().enumerate() {
                for end in &starts[from + 1..] {
                    assert!(finds(&text[*start..*end], &text), "{}", &text[*start..*end]);
                }
            }
        }
        assert!(!finds("今气", "今天天气很好"));
        assert!(!finds("天天气气", "今天天气很好"), "all pairs occur, the phrase does not");
    }

    #[test]
    fn a_query_has_something_to_look_for_and_an_end() {
        for bad in ["", " ", "?!", "🎉", "\u{301}", "-- …"] {
            assert_eq!(TextQuery::parse(bad).unwrap_err().field, "q", "{bad:?}");
        }
        assert!(TextQuery::parse(&"é".repeat(200)).is_ok());
        assert!(TextQuery::parse(&"é".repeat(201)).is_err());
    }

    #[test]
    fn a_query_looks_up_a_bounded_number_of_terms_each_once() {
        let lookups = |query: &str| TextQuery::parse(query).unwrap().lookups();
        let exact = |term: &str| Lookup::Exact(term.into());
        assert_eq!(lookups("to be or to be"), [exact("to"), exact("be"), exact("or")]);
        assert_eq!(lookups("今天 pan"), [exact("今天"), Lookup::Prefix("pan".into())]);
        assert_eq!(lookups("气"), [Lookup::Prefix("气".into())]);
        assert_eq!(lookups(&"é".repeat(100)), [exact(&"e".repeat(64))]);
        let han: String = ('\u{4e00}'..).take(200).collect();
        assert_eq!(lookups(&han).len(), MAX_LOOKUPS);
    }

    /// Texts and queries of a few characters, by a seed: each way in which they can meet comes up.
    #[test]
    fn a_text_that_matches_is_found_by_every_term_and_no_other_text_matches() {
        const CHARACTERS: &[char] = &[
            'a', 'b', 'B', 'é', 'ß', ' ', ' ', '.', '今', '天', '한', 'が', 'か', '\u{3099}', '่', 'ท', '1', '\u{301}',
        ];
        let mut seed = 1_u64;
        let mut next = |bound: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % bound
        };
        let mut string = |longest: usize| -> String {
            let length = 1 + next(longest);
            (0..length).map(|_| CHARACTERS[next(CHARACTERS.len())]).collect()
        };
        let mut found = 0;
        for _ in 0..50_000 {
            let (text, query) = (string(14), string(4));
            let Ok(parsed) = TextQuery::parse(&query) else { continue };
            let matches = parsed.matches(&text);
            assert_eq!(matches, brute_force(&query, &text), "{query:?} in {text:?}");
            if matches {
                found += 1;
                let terms = terms(&text);
                for lookup in parsed.lookups() {
                    assert!(terms.iter().any(|term| lookup.has(term)), "{lookup:?} of {query:?} in {text:?}");
                }
            }
        }
        assert!(found > 1_000, "{found} of them matched");
    }

    /// The rules again, from the other side: the text as one string, words between bars.
    fn brute_force(query: &str, text: &str) -> bool {
        let flat = |text: &str| {
            let run = |run| match run {
                Run::Word(word) => format!("|{word}|"),
                Run::Phrase(phrase) => format!("<{phrase}>"),
            };
            runs(text).into_iter().map(run).collect::<String>()
        };
        let text = flat(text);
        let runs = runs(query);
        runs.iter().enumerate().all(|(place, run)| match run {
            Run::Word(word) if place + 1 == runs.len() && word.chars().count() >= 3 => {
                text.contains(&format!("|{word}"))
            }
            Run::Word(word) => text.contains(&format!("|{word}|")),
            Run::Phrase(phrase) => text.contains(phrase.as_str()),
        })
    }
}
