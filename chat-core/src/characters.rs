//! Characters by what Unicode says of them: which can be seen, which a name may have, and which only beside certain others.
//!
//! Properties decide, not lists: they follow Unicode as the crates with its tables do. The one list is that of characters
//! without ink that no property names.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{
        CanonicalCombiningClass, DefaultIgnorableCodePoint, Emoji, EmojiModifier, EmojiPresentation,
        ExtendedPictographic, GeneralCategory, JoiningType, NoncharacterCodePoint,
    },
};
use unicode_normalization::UnicodeNormalization;

/// A class of characters that the rules of names and texts speak of.
///
/// The rules are in [`text`](crate::text). Adapters that describe them to others, as in a pattern, take the characters
/// from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Class {
    /// White space (`White_Space`).
    Space,
    /// Control characters (`General_Category` `Cc`): C0, DEL and C1.
    Control,
    /// What shows nothing by itself: white space, control and format characters, `Default_Ignorable_Code_Point`,
    /// noncharacters, and letters and symbols without ink.
    Invisible,
    /// What names never have, wherever it stands: what is invisible, but for the space, the joiners and U+FE0F, which have
    /// their places; and private use, which looks different to everyone.
    NotInNames,
    /// After these a joiner changes how they are written (`Canonical_Combining_Class` `Virama`).
    Virama,
    /// Letters that join the next one (`Joining_Type` `Dual_Joining`, `Left_Joining`).
    JoinsNext,
    /// Letters that join the one before (`Joining_Type` `Dual_Joining`, `Right_Joining`).
    JoinsPrevious,
    /// What is joined to one emoji by U+200D (`Extended_Pictographic`).
    Pictograph,
    /// Skin tones (`Emoji_Modifier`).
    SkinTone,
    /// What is text unless U+FE0F makes it an emoji (`Emoji`, not `Emoji_Presentation`), but for those of
    /// [`Keycap`](Self::Keycap).
    TextEmoji,
    /// What U+FE0F and U+20E3 make a key: digits, `#` and `*`.
    Keycap,
    /// What becomes several characters in NFC.
    Expanding,
    /// What turns the direction of what follows (UAX 9): embeddings, overrides and isolates.
    BidiOverride,
}

impl Class {
    /// Whether a character is of this class.
    #[must_use]
    pub fn has(self, c: char) -> bool {
        match self {
            Self::Space => c.is_whitespace(),
            Self::Control => c.is_control(),
            Self::Invisible => is_invisible(c),
            Self::NotInNames => match c {
                ' ' | NON_JOINER | JOINER | EMOJI_STYLE => false,
                _ => is_invisible(c) || category(c) == GeneralCategory::PrivateUse,
            },
            Self::Virama => {
                CodePointMapData::<CanonicalCombiningClass>::new().get(c) == CanonicalCombiningClass::Virama
            }
            Self::JoinsNext => matches!(joining(c), JoiningType::DualJoining | JoiningType::LeftJoining),
            Self::JoinsPrevious => matches!(joining(c), JoiningType::DualJoining | JoiningType::RightJoining),
            Self::Pictograph => CodePointSetData::new::<ExtendedPictographic>().contains(c),
            Self::SkinTone => CodePointSetData::new::<EmojiModifier>().contains(c),
            Self::TextEmoji => {
                CodePointSetData::new::<Emoji>().contains(c)
                    && !CodePointSetData::new::<EmojiPresentation>().contains(c)
                    && !Self::Keycap.has(c)
            }
            Self::Keycap => matches!(c, '0'..='9' | '#' | '*'),
            Self::Expanding => !c.is_ascii() && std::iter::once(c).nfc().nth(1).is_some(),
            Self::BidiOverride => matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'),
        }
    }
}

/// Whether a character may stand in a name between these two; `None` is the name's end.
#[must_use]
pub fn has_place_in_name(before: Option<char>, c: char, after: Option<char>) -> bool {
    let is = |class: Class, c: Option<char>| c.is_some_and(|c| class.has(c));
    match c {
        EMOJI_STYLE if is(Class::Keycap, before) => after == Some(KEYCAP),
        EMOJI_STYLE => is(Class::TextEmoji, before),
        JOINER if is(Class::Virama, before) => true,
        JOINER => {
            let ends_emoji =
                is(Class::Pictograph, before) || is(Class::SkinTone, before) || before == Some(EMOJI_STYLE);
            ends_emoji && is(Class::Pictograph, after)
        }
        NON_JOINER if is(Class::Virama, before) => after.is_some_and(|c| !c.is_whitespace()),
        NON_JOINER => is(Class::JoinsNext, before) && is(Class::JoinsPrevious, after),
        _ => !Class::NotInNames.has(c),
    }
}

/// Zero width non-joiner.
pub const NON_JOINER: char = '\u{200c}';
/// Zero width joiner.
pub const JOINER: char = '\u{200d}';
/// Variation selector 16: what stands before it is to look like an emoji.
pub const EMOJI_STYLE: char = '\u{fe0f}';
/// Combining enclosing keycap.
pub const KEYCAP: char = '\u{20e3}';

fn is_invisible(c: char) -> bool {
    !c.is_ascii_graphic()
        && (c.is_whitespace()
            || matches!(category(c), GeneralCategory::Control | GeneralCategory::Format)
            || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
            || CodePointSetData::new::<NoncharacterCodePoint>().contains(c)
            || WITHOUT_INK.contains(&c))
}

/// Letters and symbols whose shape is empty, which no property says: the braille pattern without dots, the filler of the
/// Khitan script, the null notehead, the blanks among the hieroglyphs.
const WITHOUT_INK: [char; 5] = ['\u{2800}', '\u{16fe4}', '\u{1d159}', '\u{13441}', '\u{13442}'];

fn category(c: char) -> GeneralCategory {
    CodePointMapData::new().get(c)
}

fn joining(c: char) -> JoiningType {
    CodePointMapData::new().get(c)
}
