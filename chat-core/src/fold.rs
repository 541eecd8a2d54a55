//! How names are compared and searched: without regard to case, width and form, by Unicode's tables and never by a
//! database's.

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;

/// The most bytes of a folded name that are compared and searched. A name has up to 100 characters and stays far below it,
/// unless it is made of characters that each stand for a word (U+FDFA stands for 18 characters); MySQL's unique indexes end
/// at 3,072 bytes.
pub const MAX_KEY_BYTES: usize = 1_024;

/// How often folding is repeated at most. Two rounds leave nothing to do for any character there is.
const MOST_ROUNDS: usize = 4;

/// A text without what does not count in a comparison: trimmed, in compatibility form (NFKC) and with full case folding, so
/// that `ΣΊΣΥΦΟΣ` and `σίσυφος`, `Straße` and `STRASSE`, `ﬁsh` and `FISH` are equal. Accents count, and so does the dot of
/// `İ`. Folding twice changes nothing more.
///
/// What it returns is stored in databases. For characters that Unicode knows, its newer versions never change it.
#[must_use]
pub fn fold(text: &str) -> String {
    let mut folded = fold_once(text);
    // Folding can leave something to normalise, and normalising something to fold.
    for _ in 1..MOST_ROUNDS {
        let again = fold_once(&folded);
        if again == folded {
            break;
        }
        folded = again;
    }
    folded
}

/// What names are compared by: the [folded](fold) name, of which the first [`MAX_KEY_BYTES`] count.
#[must_use]
pub fn name_key(name: &str) -> String {
    let mut key = fold(name);
    if key.len() > MAX_KEY_BYTES {
        key.truncate(key.floor_char_boundary(MAX_KEY_BYTES));
        key.truncate(key.trim_end().len());
    }
    key
}

fn fold_once(text: &str) -> String {
    // Lower-casing first changes nothing but for letters that are too new for the table of foldings.
    let folded: String = text.nfkc().flat_map(char::to_lowercase).default_case_fold().nfkc().collect();
    folded.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_read_alike_are_one_name() {
        let alike: [&[&str]; 8] = [
            &["σισυφοσ", "ΣΙΣΥΦΟΣ", "Σισυφος"],
            &["σίσυφοσ", "ΣΊΣΥΦΟΣ", "σίσυφος", "ΣΙ\u{301}ΣΥΦΟΣ"],
            &["strasse", "Straße", "STRASSE", "STRAẞE", "Ｓｔｒａｓｓｅ"],
            &["fish", "ﬁsh", "FISH", "ﬁＳＨ"],
            &["i\u{307}stanbul", "İstanbul", "I\u{307}STANBUL"],
            &["kelvin", "\u{212a}ELVIN", "ＫＥＬＶＩＮ"],
            &["ガ", "ｶﾞ", "カ\u{3099}"],
            &["general 2", "  GENERAL ２ ", "general\u{a0}2"],
        ];
        for words in alike {
            for word in words {
                assert_eq!(fold(word), words[0], "{word}");
            }
        }
    }

    #[test]
    fn accents_and_dots_count() {
        for (one, other) in [("Café", "Cafe"), ("İ", "I"), ("ı", "i"), ("ά", "α"), ("100%", "100")] {
            assert_ne!(fold(one), fold(other));
        }
    }

    #[test]
    fn folding_twice_changes_nothing_more() {
        // Every character of the planes that have letters, and those of most alphabets before what may join them.
        for c in '\0'..='\u{1ffff}' {
            is_stable(&c.to_string());
        }
        for c in '\0'..='\u{1fff}' {
            for end in ["\u{345}", "\u{301}\u{345}", "\u{345}\u{301}", "\u{307}", " "] {
                is_stable(&format!("{c}{end}"));
            }
        }
    }

    /// Sequences of characters that change when they are folded or normalised, by a seed.
    #[test]
    fn folding_sequences_twice_changes_nothing_more() {
        let moving: Vec<char> = ('\0'..='\u{1ffff}').filter(|c| fold(&c.to_string()) != c.to_string()).collect();
        let mut seed = 1_u64;
        let mut next = |bound: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % bound
        };
        for _ in 0..20_000 {
            let length = 1 + next(8);
            let text: String = (0..length).map(|_| moving[next(moving.len())]).collect();
            is_stable(&text);
            assert_eq!(fold(&text.nfd().collect::<String>()), fold(&text), "{text:?}");
        }
    }

    #[test]
    fn lower_casing_first_changes_no_folding() {
        for c in '\0'..=char::MAX {
            let folded: String = c.to_lowercase().default_case_fold().collect();
            let is_known = c.to_lowercase().eq([c]) || ![c].into_iter().default_case_fold().eq([c]);
            assert!(!is_known || [c].into_iter().default_case_fold().eq(folded.chars()), "{c:?}");
        }
    }

    #[test]
    fn the_longest_names_have_keys_of_bounded_length() {
        let long = "\u{fdfa}".repeat(100);
        assert!(fold(&long).len() > 3_000);
        assert!(name_key(&long).len() <= MAX_KEY_BYTES);
        assert_eq!(name_key(&name_key(&long)), name_key(&long));
        assert_eq!(name_key(&"𝒳".repeat(100)), "x".repeat(100));
    }

    fn is_stable(text: &str) {
        let folded = fold(text);
        assert_eq!(fold(&folded), folded, "{text:?}");
    }
}
