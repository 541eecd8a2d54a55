//! Finds the code in a Rust file.

/// The text with comments and literals replaced by blanks, and without the tests at its end (from `#[cfg(test)]` or
/// `#[cfg(all(test, …` at the margin). Line numbers stay the same.
pub(crate) fn code(text: &str) -> String {
    let tests = ["\n#[cfg(test)]\nmod ", "\n#[cfg(all(test, "].iter().filter_map(|start| text.find(start)).min();
    let text = tests.map_or(text, |end| &text[..end]);
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = at + hidden(&bytes[at..], at > 0 && is_word(bytes[at - 1]));
        for byte in &mut code[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    String::from_utf8_lossy(&code).into_owned()
}

/// The length of the comment or literal that begins here; 0 if it is code.
fn hidden(rest: &[u8], within_word: bool) -> usize {
    if rest.starts_with(b"//") {
        return rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }
    if rest.starts_with(b"/*") {
        return block_comment(rest);
    }
    if rest[0] == b'r' && !within_word {
        let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
        if rest.get(1 + hashes) == Some(&b'"') {
            let close = ["\"".as_bytes(), &b"#".repeat(hashes)].concat();
            let start = 2 + hashes;
            return find(&rest[start..], &close).map_or(rest.len(), |end| start + end + close.len());
        }
    }
    match rest[0] {
        b'"' => quoted(rest, b'"'),
        // A character, not a lifetime.
        b'\'' if rest.get(1) == Some(&b'\\') || rest.get(2) == Some(&b'\'') => quoted(rest, b'\''),
        _ => 0,
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    at
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The places of a whole word.
pub(crate) fn places<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = at.checked_sub(1).map(|before| code.as_bytes()[before]);
        let after = code.as_bytes().get(at + word.len()).copied();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// The number of the line of a place, from 1.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_not_code() {
        let text = "a(\"b // \\\" c\", 'd', '\\'', r#\"e \" f\"#); // g\n/* h /* i */ j */ fn k<'l>() {}\n";
        let words: Vec<String> = code(text).split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
        assert_eq!(words, ["a", "fn", "k", "l"]);
        assert_eq!(code(text).matches('\n').count(), 2);
    }

    #[test]
    fn tests_are_left_out() {
        assert_eq!(code("a\n#[cfg(test)]\nmod tests {}\n"), "a");
        assert_eq!(code("a\n#[cfg(all(test, b))]\nmod tests {}\n"), "a");
    }

    #[test]
    fn a_word_is_found_whole() {
        assert_eq!(places("tokio_x x_tokio tokio::y", "tokio").collect::<Vec<_>>(), [16]);
        assert_eq!(line_of("a\nb", 2), 2);
    }
}
