//! What is found again in what is received: when a message was due, and who sent it.

use memchr::memmem::Finder;

/// How long every text is.
pub(crate) const TEXT: usize = 128;
/// How long a marker is: two characters, and two numbers of 16 and 8 digits.
pub(crate) const LENGTH: usize = BEGIN.len() + 16 + 8;

const BEGIN: &[u8] = b"~t";

/// A marker: when it was due, in microseconds, and which connection sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marker {
    pub(crate) due_us: u64,
    pub(crate) sender: u32,
}

impl Marker {
    /// A text with it.
    pub(crate) fn text(self) -> String {
        let mut text = format!("~t{:016x}{:08x}", self.due_us, self.sender);
        text.extend(std::iter::repeat_n('x', TEXT - LENGTH));
        text
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let digits = std::str::from_utf8(bytes.get(BEGIN.len()..LENGTH)?).ok()?;
        let due_us = u64::from_str_radix(&digits[..16], 16).ok()?;
        Some(Self { due_us, sender: u32::from_str_radix(&digits[16..], 16).ok()? })
    }
}

/// Finds markers in the bytes of a connection, also where they are cut in two.
#[derive(Debug)]
pub(crate) struct Markers(Finder<'static>);

impl Default for Markers {
    fn default() -> Self {
        Self(Finder::new(BEGIN))
    }
}

impl Markers {
    /// Tells of each marker in `bytes`. Returns where the bytes begin that have to be looked at again, with those that follow.
    pub(crate) fn find(&self, bytes: &[u8], mut tell: impl FnMut(Marker)) -> usize {
        let mut at = 0;
        while let Some(found) = self.0.find(&bytes[at..]) {
            at += found;
            if bytes.len() - at < LENGTH {
                return at;
            }
            if let Some(marker) = Marker::parse(&bytes[at..]) {
                tell(marker);
                at += LENGTH;
            } else {
                at += BEGIN.len();
            }
        }
        // The last byte may begin one.
        bytes.len().saturating_sub(BEGIN.len() - 1).max(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_once_wherever_it_is_cut() {
        let one = Marker { due_us: 17, sender: 1 };
        let two = Marker { due_us: u64::MAX, sender: u32::MAX };
        let bytes = format!("a{}b~{}~t", one.text(), two.text()).into_bytes();
        for cut in 0..bytes.len() {
            let mut found = Vec::new();
            let rest = Markers::default().find(&bytes[..cut], |marker| found.push(marker));
            Markers::default().find(&bytes[rest..], |marker| found.push(marker));
            assert_eq!(found, [one, two], "{cut}");
        }
    }

    #[test]
    fn a_text_is_as_long_as_it_should_be() {
        assert_eq!(Marker { due_us: 5, sender: 7 }.text().len(), TEXT);
    }
}
