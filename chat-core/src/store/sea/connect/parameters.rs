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
        } else if is_a_name(&name) && name.to_ascii_lowercase().starts_with("ssl") {
            // To go on without it could be to go on without its protection.
            return Err(StartError::BadUrl(format!("it has an unknown parameter {name}")));
        } else {
            let parameter = if is_a_name(&name) && pair.contains('=') { &*name } else { "(no name)" };
            tracing::warn!(parameter, "the database URL has a parameter that is not known; it is ignored");
        }
    }
    Ok(if kept.is_empty() { address.to_owned() } else { format!("{address}?{}", kept.join("&")) })
}

/// The host of a URL. An IPv6 address stands in brackets there, which the drivers would look up as a name.
pub(super) fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
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
    fn an_address_loses_its_brackets() {
        assert_eq!(
            ["[::1]", "::1", "db.example", "[half"].map(without_brackets),
            ["::1", "::1", "db.example", "[half"]
        );
    }

    #[test]
    fn a_misspelt_word_for_tls_is_refused() {
        for url in
            ["postgres://h/d?sslmod=verify-full", "postgres://h/d?SSLMODE=require", "postgres://h/d?x=y&sslcrl=f"]
        {
            let refused = keep_known(url, |name| name == "sslmode").unwrap_err().to_string();
            assert!(refused.to_lowercase().contains("unknown parameter ssl") && !refused.contains('='), "{refused}");
        }
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
