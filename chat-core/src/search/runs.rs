//! A text as it is searched: folded, and divided into words.

use std::iter;

use caseless::Caseless;
use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{DefaultIgnorableCodePoint, GeneralCategory, Script},
};
use unicode_normalization::{
    UnicodeNormalization,
    char::{canonical_combining_class, compose},
};

/// What belongs together in a text: letters and digits with nothing else between them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Run {
    /// A word, found as a whole.
    Word(String),
    /// Characters of a script without spaces between words, found by any part.
    Phrase(String),
}

/// The runs of a text, in order.
pub(super) fn runs(text: &str) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut last: Option<(Kind, String)> = None;
    for c in folded(text).chars() {
        let kind = Kind::of(c);
        match (&mut last, kind) {
            (Some((current, run)), Some(kind)) if *current == kind => run.push(c),
            (_, kind) => {
                let next = kind.map(|kind| (kind, c.to_string()));
                runs.extend(std::mem::replace(&mut last, next).map(Run::of));
            }
        }
    }
    runs.extend(last.map(Run::of));
    runs
}

impl Run {
    fn of((kind, text): (Kind, String)) -> Self {
        match kind {
            Kind::Word => Self::Word(text),
            Kind::Phrase => Self::Phrase(text),
        }
    }
}

/// What a character is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Word,
    Phrase,
}

impl Kind {
    /// `None` for what stands between runs.
    fn of(c: char) -> Option<Self> {
        if c.is_ascii() {
            return c.is_ascii_alphanumeric().then_some(Self::Word);
        }
        if !c.is_alphanumeric() && !is_mark(c) {
            return None;
        }
        Some(if is_written_without_spaces(c) { Self::Phrase } else { Self::Word })
    }
}

/// Scripts in which spaces do not tell the words, and Korean, whose words have endings without a space between.
fn is_written_without_spaces(c: char) -> bool {
    c == LONG_VOWEL
        || matches!(
            CodePointMapData::<Script>::new().get(c),
            Script::Han
                | Script::Hiragana
                | Script::Katakana
                | Script::Bopomofo
                | Script::Hangul
                | Script::Thai
                | Script::Lao
                | Script::Khmer
                | Script::Myanmar
        )
}

/// The sign that makes a kana's vowel long. It is of no one script.
const LONG_VOWEL: char = '\u{30fc}';

/// A text without what does not count in a search: case, width, form, diacritics, and what shows nothing.
///
/// It is folded character by character, so that a part of the text, folded, is a part of the folded text.
fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.nfc() {
        if c.is_ascii() {
            folded.push(c.to_ascii_lowercase());
        } else if is_hangul_syllable(c) {
            folded.push(c);
        } else {
            fold_character(c, &mut folded);
        }
    }
    folded
}

fn fold_character(c: char, folded: &mut String) {
    let bare = iter::once(c).nfkd().filter(|c| !is_dropped(*c));
    // Lower-casing first changes nothing but for letters that are too new for the table of foldings.
    for c in bare.flat_map(char::to_lowercase).default_case_fold().nfkd().filter(|c| !is_dropped(*c)) {
        if !is_kana_voicing(c) {
            folded.push(c);
        } else if let Some(voiced) = folded.chars().next_back().and_then(|kana| compose(kana, c)) {
            // With its voicing, a kana is another letter.
            folded.pop();
            folded.push(voiced);
        }
    }
}

/// Diacritics, and what shows nothing. The signs of vowels in the scripts of India and South East Asia are no diacritics:
/// words consist of them.
fn is_dropped(c: char) -> bool {
    if c.is_ascii() {
        return false;
    }
    if !is_mark(c) {
        return CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c);
    }
    match canonical_combining_class(c) {
        // Without a place of their own: vowels, but also what encloses a letter, and what chooses its form.
        0 => {
            CodePointMapData::<GeneralCategory>::new().get(c) == GeneralCategory::EnclosingMark
                || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        }
        // Through a letter; the nukta; points of Hebrew, Arabic and Syriac; above, below and beside a letter.
        1 | 7 | 10..=36 | 200..=240 => true,
        _ => false,
    }
}

fn is_mark(c: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark, SpacingMark};
    matches!(CodePointMapData::<GeneralCategory>::new().get(c), EnclosingMark | NonspacingMark | SpacingMark)
}

fn is_kana_voicing(c: char) -> bool {
    matches!(c, '\u{3099}' | '\u{309a}')
}

/// In compatibility form these fall apart.
fn is_hangul_syllable(c: char) -> bool {
    matches!(c, '\u{ac00}'..='\u{d7a3}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_width_form_and_diacritics_do_not_count() {
        let alike = [
            ("e", "é É ｅ Ｅ e\u{301} ẽ ệ"),
            ("strasse", "Straße STRASSE STRAẞE ｓｔｒａｓｓｅ"),
            ("istanbul", "İstanbul I\u{307}STANBUL Istanbul"),
            ("σισυφοσ", "Σίσυφος ΣΊΣΥΦΟΣ σισυφοσ"),
            ("αι", "ΑΙ αί"),
            ("α", "ᾳ ᾼ ά ᾷ"),
            ("fish", "ﬁsh FISH"),
            ("и", "й Й И"),
            ("שלום", "שָׁלוֹם שלום"),
            ("محمد", "مُحَمَّد محمد"),
            ("2", "２ ② ²"),
            ("ab", "a\u{200d}b a\u{ad}b a\u{fe0f}b"),
        ];
        for (folded, texts) in alike {
            for text in texts.split(' ') {
                assert_eq!(runs(text), [Run::Word(folded.into())], "{text}");
            }
        }
    }

    #[test]
    fn syllables_of_korean_and_japanese_are_characters_however_they_are_written() {
        let alike = [
            ("가", "가 \u{1100}\u{1161}"),
            ("한글", "한글 \u{1112}\u{1161}\u{11ab}\u{1100}\u{1173}\u{11af}"),
            ("ガーデン", "ガーデン ｶﾞｰﾃﾞﾝ カ\u{3099}ーテ\u{3099}ン"),
            ("株式会社", "株式会社 ㍿"),
            ("東京", "東京"),
        ];
        for (folded, texts) in alike {
            for text in texts.split(' ') {
                assert_eq!(runs(text), [Run::Phrase(folded.into())], "{text}");
            }
        }
        assert_ne!(runs("ハハ"), runs("パパ"), "a voiced kana is another letter");
        assert_eq!(runs("ㅋㅋ").len(), 1, "single letters stay what they are");
    }

    #[test]
    fn vowels_of_indian_and_thai_words_count() {
        assert_ne!(runs("कि"), runs("का"));
        assert_eq!(runs("कि"), [Run::Word("कि".into())]);
        assert_eq!(runs("ที่นี่"), [Run::Phrase("ที่นี่".into())]);
    }

    #[test]
    fn words_end_where_letters_and_digits_do_and_where_the_script_needs_no_spaces() {
        let words = |text: &str| {
            let shown = |run| match run {
                Run::Word(text) => text,
                Run::Phrase(text) => format!("<{text}>"),
            };
            runs(text).into_iter().map(shown).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(words("Don't panic: it's 3.14 (foo_bar)"), "don t panic it s 3 14 foo bar");
        assert_eq!(words("iPhone手机2024年，今天 天气"), "iphone <手机> 2024 <年> <今天> <天气>");
        assert_eq!(words("漢字とカナ・ラーメン"), "<漢字とカナ> <ラーメン>");
        assert_eq!(words("🎉 … !?\u{0}\u{a0}"), "");
        assert_eq!(words("ok🎉ok"), "ok ok");
    }
}
