//! Makes texts of other people safe for a terminal.

/// One line without a character that a terminal would act on.
///
/// A line feed is shown as `⏎` and a tab as a space. The others are shown as Rust would write them, such as `\u{1b}`:
/// control characters (also those from U+0080 to U+009F, which some terminals obey), marks that turn the direction of
/// the text, line separators, and what has no width. What joins letters and emoji stays.
pub(crate) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => shown.push('⏎'),
            '\t' => shown.push(' '),
            _ if acts(character) => shown.extend(character.escape_unicode()),
            _ => shown.push(character),
        }
    }
    shown
}

/// Whether a terminal might act on this character instead of showing it.
fn acts(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{AD}'
                | '\u{61C}'
                | '\u{180E}'
                | '\u{200B}'
                | '\u{200E}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{FEFF}'
                | '\u{FFF9}'..='\u{FFFB}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_others_write_moves_the_cursor_or_turns_the_text() {
        assert_eq!(plain("red \u{1b}[31m\u{7}\r\u{8}\u{7f}"), r"red \u{1b}[31m\u{7}\u{d}\u{8}\u{7f}");
        assert_eq!(plain("\u{9b}2J \u{85}"), r"\u{9b}2J \u{85}");
        assert_eq!(plain("a\nb\tc\u{2028}d\u{2029}e"), r"a⏎b c\u{2028}d\u{2029}e");
        assert_eq!(plain("\u{202e}txt.exe\u{2066}\u{200f}\u{61c}"), r"\u{202e}txt.exe\u{2066}\u{200f}\u{61c}");
        let controls = (0..=0x9f).filter_map(char::from_u32).filter(|character| character.is_control());
        let shown = plain(&controls.collect::<String>());
        assert!(!shown.contains(char::is_control), "{shown}");
    }

    #[test]
    fn all_scripts_and_emoji_stay_as_they_are() {
        for text in
            ["Grüße, Ελλάδα", "نمی\u{200c}خواهم", "שלום", "👩\u{200d}🌾 ❤\u{fe0f}", "日本語", "e\u{301}", r"a\b"]
        {
            assert_eq!(plain(text), text);
        }
    }
}
