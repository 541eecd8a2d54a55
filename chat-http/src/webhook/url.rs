//! What a webhook's URL has to be.

use chat_core::InvalidField;
use hyper::Uri;
use url::{Host, Url};

use super::reach::Reach;

/// Checks a URL. A host that is an address, however it is written, has to be in reach; a name is looked up when it is connected to.
pub(super) fn check(text: &str, reach: Reach) -> Result<Uri, InvalidField> {
    let wrong = |reason: &'static str| InvalidField::new("url", reason);
    if text.len() > MAX_BYTES {
        return Err(wrong("must have at most 2,048 bytes"));
    }
    let url = Url::parse(text).map_err(|_| wrong("must be a URL such as https://hooks.example/chat"))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(wrong("must begin with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(wrong("must have neither a user nor a fragment"));
    }
    if reach == Reach::Public {
        let port = url.port_or_known_default().unwrap_or_default();
        if url.scheme() != "https" || !(port == 443 || port >= 1_024) {
            return Err(wrong(
                "must begin with https:// and have the port 443 or one from 1024 on, unless it may be private",
            ));
        }
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) | None => None,
        };
        if address.is_some_and(|address| !reach.has(address)) {
            return Err(wrong("must have a public address, unless it may be private"));
        }
    }
    url.as_str().parse().map_err(|_| wrong("must be a URL such as https://hooks.example/chat"))
}

/// The longest URL.
const MAX_BYTES: usize = 2_048;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_leads_outside() {
        for good in [
            "https://hooks.example/chat?token=x%2Cy",
            "https://hooks.example:8443",
            "https://1.1.1.1/",
            "https://[2606:4700::1111]/",
            "https://bücher.example/",
            "https://localhost./",
        ] {
            assert!(check(good, Reach::Public).is_ok(), "{good}");
        }
        assert_eq!(check("https://bücher.example/ä", Reach::Public).unwrap(), "https://xn--bcher-kva.example/%C3%A4");
        for inside in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.0.0.1/",
            "https://017700000001/",
            "https://0/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[fd00::1]/",
            "https://169.254.169.254/latest/meta-data",
            "https://10.0.0.1/",
            "https://①②⑦.0.0.1/",
            "https://hooks.example:22/",
            "https://hooks.example:25/",
            "http://hooks.example/",
        ] {
            assert!(check(inside, Reach::Public).is_err(), "{inside}");
            assert!(check(inside, Reach::Anywhere).is_ok(), "{inside}");
        }
        for bad in [
            "",
            "hooks.example",
            "/chat",
            "file:///etc/passwd",
            "gopher://hooks.example/",
            "ftp://hooks.example/",
            "https://",
            "https://user@hooks.example/",
            "https://user:pass@hooks.example/",
            "https://hooks.example/#x",
            "https://hooks.example:0x1/",
            "javascript:alert(1)",
            "https://hooks.example:99999/",
            &format!("https://hooks.example/{}", "x".repeat(2_048)),
        ] {
            for reach in [Reach::Public, Reach::Anywhere] {
                assert!(check(bad, reach).is_err(), "{bad}");
            }
        }
    }
}
