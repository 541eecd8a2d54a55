//! The keys by which texts are encrypted in a database.

use std::{
    fmt::{self, Write},
    mem,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::{InvalidField, RoomId, Seq};

/// The keys by which texts are encrypted in an SQL database: a key for what has to be found again, which stays for good, and one
/// or more keys for the texts, of which the newest is used for what is written.
///
/// They are kept in a file, apart from the database and its backups. Without them nobody can read the texts.
///
/// ```
/// use chat_core::TextKeys;
///
/// let mut keys = TextKeys::generate()?;
/// let file = keys.to_text();
/// assert_eq!(TextKeys::parse(&file)?.to_text(), file);
///
/// // A key more: from now on it is the one that is used.
/// keys.rotate()?;
/// assert_ne!(keys.to_text(), file);
/// # Ok::<_, chat_core::InvalidField>(())
/// ```
#[derive(Clone)]
pub struct TextKeys {
    index: Key,
    /// In the order in which they were made.
    older: Vec<TextKey>,
    newest: TextKey,
}

type Key = [u8; 32];

/// A key for texts, and its number.
type TextKey = (u32, Key);

/// Where a text stands. It is encrypted for this place: elsewhere it cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TextPlace {
    pub(crate) room: RoomId,
    pub(crate) seq: Seq,
    pub(crate) part: TextPart,
}

/// Which of the texts of an event it is. The numbers are stored: they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextPart {
    /// What a message or an edit says, or the reason of something.
    Body = 1,
    /// A message's or an edit's `meta`.
    Meta = 2,
    /// The reason of a ban or a mute, in the list of these.
    Restriction = 3,
    /// What a message in the outbox says.
    Draft = 4,
    /// Its `meta`.
    DraftMeta = 5,
}

/// What two sets of keys are told apart by. It gives no key away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeysId {
    /// Of the key for what has to be found again.
    pub(crate) index: i64,
    /// The number of the newest key for texts.
    pub(crate) newest: u32,
    /// Of that key.
    pub(crate) text: i64,
}

impl TextKeys {
    /// New keys, made of the system's random numbers.
    ///
    /// # Errors
    /// [`InvalidField`] (`keys`) if the system has no random numbers.
    pub fn generate() -> Result<Self, InvalidField> {
        Ok(Self { index: random()?, older: Vec::new(), newest: (1, random()?) })
    }

    /// Reads keys as [`to_text`](Self::to_text) has written them. Empty lines and lines that begin with `#` say nothing.
    ///
    /// # Errors
    /// [`InvalidField`] (`keys`) with the number of the line that is wrong. No key is in it.
    pub fn parse(text: &str) -> Result<Self, InvalidField> {
        let (mut index, mut texts) = (None, Vec::<TextKey>::new());
        for (line, said) in (1_usize..).zip(text.lines()) {
            let wrong = |what: &str| wrong(format!("line {line}: {what}"));
            let mut words = said.split_whitespace();
            match words.next() {
                None => continue,
                Some(comment) if comment.starts_with('#') => continue,
                Some("index") if index.is_some() => return Err(wrong("there is an index key already")),
                Some("index") => index = Some(words.next().and_then(key).ok_or_else(|| wrong("it has no key"))?),
                Some("text") => {
                    let number: Option<u32> = words.next().and_then(|number| number.parse().ok());
                    let number = number.filter(|number| texts.iter().all(|(known, _)| known < number));
                    let number = number.ok_or_else(|| wrong("a key's number must be higher than the one before"))?;
                    texts.push((number, words.next().and_then(key).ok_or_else(|| wrong("it has no key"))?));
                }
                Some(_) => return Err(wrong("it must begin with `index` or `text`")),
            }
            if words.next().is_some() {
                return Err(wrong("there is something behind the key"));
            }
        }
        let index = index.ok_or_else(|| wrong("there is no line `index`".to_owned()))?;
        let newest = texts.pop().ok_or_else(|| wrong("there is no line `text`".to_owned()))?;
        Ok(Self { index, older: texts, newest })
    }

    /// The keys as a text, for a file that only the server may read.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{ABOUT}index {}\n", URL_SAFE_NO_PAD.encode(self.index));
        for (number, key) in self.texts() {
            // A string takes whatever is written into it.
            let _ = writeln!(text, "text {number} {}", URL_SAFE_NO_PAD.encode(key));
        }
        text
    }

    /// Adds a key for texts, which is used from then on. The older ones are kept, for what is still encrypted by them.
    ///
    /// # Errors
    /// [`InvalidField`] (`keys`) if the system has no random numbers, or after four billion keys.
    pub fn rotate(&mut self) -> Result<(), InvalidField> {
        let number = self.newest.0.checked_add(1).ok_or_else(|| wrong("there are too many keys".to_owned()))?;
        self.older.push(mem::replace(&mut self.newest, (number, random()?)));
        Ok(())
    }

    /// Forgets all keys for texts but the newest one. What is still encrypted by another one cannot be read any more.
    pub fn retire(&mut self) {
        self.older.clear();
    }

    /// What they are told apart by.
    pub(crate) fn id(&self) -> KeysId {
        let (newest, key) = &self.newest;
        KeysId { index: short(&self.index, &[b"index key"]), newest: *newest, text: short(key, &[b"text key"]) }
    }

    /// Whether a text's key is among them.
    pub(crate) fn has(&self, number: u32, id: i64) -> bool {
        self.texts().any(|(known, key)| *known == number && short(key, &[b"text key"]) == id)
    }

    /// Encrypts a text for its place.
    pub(crate) fn seal(&self, place: TextPlace, text: &str) -> Result<String, InvalidField> {
        let (_, key) = &self.newest;
        let nonce: [u8; NONCE] = random()?;
        let payload = Payload { msg: text.as_bytes(), aad: &place.bytes() };
        let sealed = XChaCha20Poly1305::new(key.into()).encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| wrong("a text is too long".to_owned()))?;
        Ok(format!("{}{}", self.current_mark(), URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat())))
    }

    /// Decrypts what was encrypted for this place; `None` if it was not, or not by these keys.
    pub(crate) fn open(&self, place: TextPlace, sealed: &str) -> Option<String> {
        let (number, sealed) = parts(sealed)?;
        let (_, key) = self.texts().find(|(known, _)| *known == number)?;
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg: sealed, aad: &place.bytes() };
        let text = XChaCha20Poly1305::new(key.into()).decrypt(&XNonce::from(*nonce), payload).ok()?;
        String::from_utf8(text).ok()
    }

    /// Whether the key by which a text was encrypted is among them, as far as its number tells. What tells no number needs none.
    pub(crate) fn has_key_of(&self, sealed: &str) -> bool {
        parts(sealed).is_none_or(|(number, _)| self.texts().any(|(known, _)| *known == number))
    }

    /// What every text begins with that is encrypted by the newest key.
    pub(crate) fn current_mark(&self) -> String {
        format!("{MARK}{}.", self.newest.0)
    }

    /// Whether a text is encrypted by the newest key.
    pub(crate) fn is_current(&self, text: &str) -> bool {
        text.starts_with(&self.current_mark())
    }

    /// What stands for a term of the search index. The same term has the same one.
    pub(crate) fn term(&self, term: &str) -> String {
        URL_SAFE_NO_PAD.encode(&keyed(&self.index, &[b"term", term.as_bytes()])[..TERM])
    }

    /// What hides an event's fingerprint, bit by bit. It is another one for each event.
    pub(crate) fn pad(&self, room: RoomId, seq: Seq, key: &str) -> u64 {
        let parts = [&b"fingerprint"[..], &room.0.to_be_bytes(), &seq.0.to_be_bytes(), key.as_bytes()];
        short(&self.index, &parts).cast_unsigned()
    }

    fn texts(&self) -> impl Iterator<Item = &TextKey> {
        self.older.iter().chain([&self.newest])
    }
}

impl fmt::Debug for TextKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextKeys({} for texts)", self.texts().count())
    }
}

impl TextPlace {
    fn bytes(self) -> Vec<u8> {
        [&b"chat text 1"[..], &[self.part as u8], &self.room.0.to_be_bytes(), &self.seq.0.to_be_bytes()].concat()
    }
}

/// What every encrypted text begins with.
pub(crate) fn any_mark() -> String {
    MARK.to_string()
}

/// Whether a text as it is stored is an encrypted one. No text that people write begins with this character.
pub(crate) fn is_sealed(stored: &str) -> bool {
    stored.starts_with(MARK)
}

/// The number of the key by which a text is encrypted, and the rest.
fn parts(sealed: &str) -> Option<(u32, &str)> {
    let (number, sealed) = sealed.strip_prefix(MARK)?.split_once('.')?;
    Some((number.parse().ok()?, sealed))
}

/// A key as it is written.
fn key(text: &str) -> Option<Key> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

fn random<const N: usize>() -> Result<[u8; N], InvalidField> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| wrong("the system has no random numbers".to_owned()))?;
    Ok(bytes)
}

fn wrong(what: String) -> InvalidField {
    InvalidField::new("keys", what)
}

/// HMAC-SHA-256 of these parts, each with its length before it.
fn keyed(key: &Key, parts: &[&[u8]]) -> [u8; 32] {
    // As long as a block: filled up with zeros, it is the same key.
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The beginning of that, as a number.
fn short(key: &Key, parts: &[&[u8]]) -> i64 {
    let [a, b, c, d, e, f, g, h, ..] = keyed(key, parts);
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// What stands before an encrypted text.
const MARK: char = '\u{1}';
/// The bytes of a nonce of XChaCha20: so many that random ones are never the same.
const NONCE: usize = 24;
/// The bytes of what stands for a term: as a text, 16 characters.
const TERM: usize = 12;
const ABOUT: &str = "# The keys of the texts in a chat's database. Without them nobody can read the texts: keep a copy, apart from the\n\
     # copies of the database. The last line has the key that is used; lines before it are for what was written earlier.\n";

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: TextPlace = TextPlace { room: RoomId(7), seq: Seq(9), part: TextPart::Body };

    #[test]
    fn a_text_is_read_in_its_place_alone() {
        let keys = TextKeys::generate().unwrap();
        let sealed = keys.seal(PLACE, "secret ✓").unwrap();
        assert!(is_sealed(&sealed) && !sealed.contains("secret") && !is_sealed("secret"));
        assert_eq!(keys.open(PLACE, &sealed).as_deref(), Some("secret ✓"));
        assert_ne!(keys.seal(PLACE, "secret ✓").unwrap(), sealed, "nobody sees that it is the same");
        let elsewhere = [
            TextPlace { room: RoomId(8), ..PLACE },
            TextPlace { seq: Seq(10), ..PLACE },
            TextPlace { part: TextPart::Meta, ..PLACE },
        ];
        assert!(elsewhere.iter().all(|place| keys.open(*place, &sealed).is_none()));
        assert_eq!(TextKeys::generate().unwrap().open(PLACE, &sealed), None);
        let mut changed = sealed.clone();
        changed.replace_range(60..61, if &sealed[60..61] == "A" { "B" } else { "A" });
        for broken in ["\u{1}", "\u{1}1.AAAA", "\u{1}1.!", "", &changed, &sealed[..sealed.len() - 1]] {
            assert_eq!(keys.open(PLACE, broken), None, "{broken:?}");
        }
    }

    #[test]
    fn older_keys_open_what_they_have_sealed_until_they_are_retired() {
        let mut keys = TextKeys::generate().unwrap();
        let (before, sealed) = (keys.id(), keys.seal(PLACE, "old").unwrap());
        assert!(keys.is_current(&sealed));
        keys.rotate().unwrap();
        assert!(!keys.is_current(&sealed) && keys.is_current(&keys.seal(PLACE, "new").unwrap()));
        assert_eq!((keys.id().index, keys.id().newest), (before.index, 2));
        assert!(keys.has(before.newest, before.text) && !keys.has(2, before.text) && !keys.has(3, before.text));
        assert_eq!(keys.open(PLACE, &sealed).as_deref(), Some("old"));
        assert!(keys.has_key_of(&sealed));
        keys.retire();
        assert!(!keys.has_key_of(&sealed) && keys.has_key_of("\u{1}x"));
        assert_eq!(keys.open(PLACE, &sealed), None);
        assert!(!keys.has(before.newest, before.text));
    }

    #[test]
    fn what_stands_for_a_term_and_hides_a_fingerprint_stays_when_keys_rotate() {
        let mut keys = TextKeys::generate().unwrap();
        let (term, pad) = (keys.term("secret"), keys.pad(RoomId(1), Seq(2), "k"));
        assert_eq!(term.len(), 16);
        assert_ne!(keys.term("secrets"), term);
        let others = [(1, 2, "l"), (1, 3, "k"), (2, 2, "k")];
        assert!(others.iter().all(|(room, seq, key)| keys.pad(RoomId(*room), Seq(*seq), key) != pad));
        keys.rotate().unwrap();
        assert_eq!((keys.term("secret"), keys.pad(RoomId(1), Seq(2), "k")), (term, pad));
    }

    #[test]
    fn a_file_of_keys_is_read_as_it_was_written() {
        let mut keys = TextKeys::generate().unwrap();
        keys.rotate().unwrap();
        let text = keys.to_text();
        assert_eq!(TextKeys::parse(&format!("\n{text}\n # end")).unwrap().to_text(), text);
        assert_eq!(format!("{keys:?}"), "TextKeys(2 for texts)");
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let [index, one, two] = lines[..] else { panic!("{text}") };
        for (file, says) in [
            (String::new(), "there is no line `index`"),
            (index.to_owned(), "there is no line `text`"),
            (format!("{index}\n{index}\n{one}"), "line 2: there is an index key already"),
            (format!("{index}\n{two}\n{one}"), "line 3: a key's number must be higher than the one before"),
            (format!("{index}\ntext 1"), "line 2: it has no key"),
            (format!("{index}\n{one} x"), "line 2: there is something behind the key"),
            (format!("{index}A\n{one}"), "line 1: it has no key"),
            ("secret".to_owned(), "line 1: it must begin with `index` or `text`"),
        ] {
            assert_eq!(TextKeys::parse(&file).unwrap_err().reason, says, "{file}");
        }
    }
}
