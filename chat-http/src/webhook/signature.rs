//! How a delivery is signed, so that whoever gets it knows whose it is, as <https://www.standardwebhooks.com> has it: the id of
//! the delivery, its time and its body, under a secret that both have.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chat_core::InvalidField;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What deliveries are signed with. Whoever gets them has it, too.
#[derive(Clone)]
pub struct WebhookSecret(Vec<Hmac<Sha256>>);

impl WebhookSecret {
    /// A secret of 24 to 64 random bytes, as `whsec_` and their base64; or several, on a line each, at most 4. A delivery is signed
    /// with each of them, so that a secret can be replaced while both are known.
    ///
    /// # Errors
    /// If it is none.
    pub fn new(text: &str) -> Result<Self, InvalidField> {
        let wrong =
            || InvalidField::new("secret", "must be `whsec_` and the base64 of 24 to 64 random bytes, on 1 to 4 lines");
        let lines = text.lines().map(|line| secret(line.trim_end()));
        let secrets: Vec<_> = lines.collect::<Option<_>>().ok_or_else(wrong)?;
        if (1..=MOST_SECRETS).contains(&secrets.len()) { Ok(Self(secrets)) } else { Err(wrong()) }
    }

    /// The signatures of a delivery: of its id, the seconds since 1970, and its body.
    pub(super) fn sign(&self, id: &str, seconds: i64, body: &[u8]) -> String {
        let sign = |mac: &Hmac<Sha256>| {
            let mac = mac.clone().chain_update(format!("{id}.{seconds}.")).chain_update(body);
            format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
        };
        self.0.iter().map(sign).collect::<Vec<_>>().join(" ")
    }
}

fn secret(line: &str) -> Option<Hmac<Sha256>> {
    let bytes = line.strip_prefix("whsec_").and_then(|text| STANDARD.decode(text).ok())?;
    if !(24..=64).contains(&bytes.len()) {
        return None;
    }
    Hmac::new_from_slice(&bytes).ok()
}

/// What is secret is not shown.
impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret")
    }
}

/// How many secrets a delivery is signed with at most.
const MOST_SECRETS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn a_delivery_is_signed_as_the_specification_has_it() {
        let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", br#"{"test": 2432232314}"#);
        let signature = WebhookSecret::new(SECRET).unwrap().sign(id, 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let both = WebhookSecret::new(&format!("{SECRET}\r\nwhsec_{}\n", STANDARD.encode([7; 32]))).unwrap();
        let both = both.sign(id, 1_614_265_330, body);
        assert!(both.starts_with(&format!("{signature} v1,")) && both.split(' ').count() == 2, "{both}");
    }

    #[test]
    fn a_secret_is_long_and_random() {
        let of = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        assert!(WebhookSecret::new(&of(24)).is_ok() && WebhookSecret::new(&of(64)).is_ok());
        let many = [of(24), of(24), of(24), of(24), of(24)].join("\n");
        for bad in
            ["", "secret", &of(23), &of(65), &of(32)[6..], "whsec_!", &format!("{}\n\n{}", of(24), of(24)), &many]
        {
            let error = WebhookSecret::new(bad).unwrap_err();
            assert!(bad.len() < 12 || !error.to_string().contains(bad), "{bad}");
        }
    }
}
