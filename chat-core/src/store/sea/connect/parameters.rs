//! The parameters of a database's URL: a driver must not log what it does not know, since that may be a password.

use crate::StartError;

/// Leaves the parameters out that a driver does not know, and warns of them by their names alone.
pub(super) fn keep_known(url: &str, is_known: impl Fn(&str) -> bool) -> Result<String, StartError> {
    let Some((address, query)) = url.split_once('?') else { return Ok(url.to_owned()) };
    let mut kept = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let name = pair.split('=').next().unwrap_or_default().replace("%5B", "[").replace("%5D", "]");
        if name.contains(['%', '+']) {
            return Err(StartError::BadUrl("the name of a parameter is percent-encoded".to_owned()));
        }
        if is_known(&name) {
            kept.push(pair);
        } else {
            let parameter = if is_a_name(&name) && pair.contains('=') { &*name } else { "(no name)" };
            tracing::warn!(parameter, "the database URL has a parameter that is not known; it is ignored");
        }
    }
    Ok(if kept.is_empty() { address.to_owned() } else { format!("{address}?{}", kept.join("&")) })
}

/// Whether a text is a name to tell, and not a part of a password that holds a question mark.
fn is_a_name(text: &str) -> bool {
    text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_kept_as_it_is() {
        let keep = |url| keep_known(url, |name| name == "sslmode" || name.starts_with("options[")).unwrap();
        for url in ["postgres://a/b", "postgres://a/b?sslmode=x", "postgres://a/b?options%5Bc%5D=1&sslmode=%20", ""] {
            assert_eq!(keep(url), url);
        }
        assert_eq!(keep("postgres://a/b?x=1&sslmode=y&z"), "postgres://a/b?sslmode=y");
        assert_eq!(keep("postgres://a/b?x=1"), "postgres://a/b");
        assert_eq!(keep("postgres://a/b?"), "postgres://a/b");
    }

    #[test]
    fn what_could_hide_a_known_name_is_refused() {
        assert!(keep_known("postgres://a/b?%73slmode=x", |_| true).is_err());
    }

    #[test]
    fn parts_of_passwords_are_no_names() {
        for name in ["sslmod", "connect_timeout", "ssl-mod"] {
            assert!(is_a_name(name), "{name}");
        }
        for other in ["cret@host/db", "s3cret", "", "a.b", &"x".repeat(33)] {
            assert!(!is_a_name(other) || other.is_empty(), "{other}");
        }
    }
}
