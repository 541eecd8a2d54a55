//! The command line's webhooks: where what happens in all rooms is posted.

use std::path::PathBuf;

use chat_core::{ChatEngine, ConsumeFrom};
use chat_http::webhook::{Reach, Webhook, WebhookSecret};
use clap::{Args, builder::BoolishValueParser};

use crate::key_file;

/// Where what happens is posted.
#[derive(Debug, Args)]
pub(crate) struct WebhookOptions {
    /// Post what happens in all rooms to this URL, from the first start with it on; needs --webhook-secret-file. May be repeated (in
    /// the environment: separated by commas).
    #[arg(
        long = "webhook",
        env = "CHATD_WEBHOOKS",
        value_name = "URL",
        value_delimiter = ',',
        requires = "webhook_secret_file",
        hide_env_values = true
    )]
    webhooks: Vec<String>,

    /// The file with the secret that webhooks are signed with: `whsec_` and the base64 of 24 to 64 random bytes. With several, on
    /// a line each, they are signed with each.
    #[arg(long, env = "CHATD_WEBHOOK_SECRET_FILE", value_name = "FILE")]
    webhook_secret_file: Option<PathBuf>,

    /// Let webhooks reach addresses that are not public, and use http: for your own services.
    #[arg(long, env = "CHATD_WEBHOOK_ALLOW_PRIVATE", value_parser = BoolishValueParser::new())]
    webhook_allow_private: bool,
}

impl WebhookOptions {
    /// The webhooks, or what is wrong with them.
    pub(crate) fn webhooks(&self) -> Result<Vec<Webhook>, String> {
        let Some(path) = self.webhook_secret_file.as_ref().filter(|_| !self.webhooks.is_empty()) else {
            return Ok(Vec::new());
        };
        if self.webhooks.len() > MOST_WEBHOOKS {
            return Err(format!("--webhook: at most {MOST_WEBHOOKS} webhooks, not {}", self.webhooks.len()));
        }
        let text = key_file::read(path)?;
        let text = std::str::from_utf8(&text).unwrap_or_default();
        let secret = WebhookSecret::new(text).map_err(|error| key_file::within(path, &error))?;
        let reach = if self.webhook_allow_private { Reach::Anywhere } else { Reach::Public };
        // The URL is not repeated, since a part of it may be secret.
        let webhook =
            |url: &String| Webhook::new(url, secret.clone(), reach).map_err(|error| format!("--webhook: {error}"));
        self.webhooks.iter().map(webhook).collect()
    }
}

/// Posts what happens from now on, until the engine stops.
pub(crate) fn start(webhooks: Vec<Webhook>, engine: &ChatEngine) {
    for webhook in webhooks {
        let engine = engine.clone();
        tokio::spawn(async move {
            let (name, host) = (webhook.name(), webhook.host());
            tracing::info!(webhook.name = name, webhook.host = host, "posting what happens in all rooms to {host}");
            if let Err(error) = engine.consume(name, ConsumeFrom::Now, &webhook).await {
                tracing::error!(webhook.name = name, webhook.host = host, %error, "the webhook to {host} is not told anything");
            }
        });
    }
}

/// How many webhooks there may be.
const MOST_WEBHOOKS: usize = 16;

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        webhooks: WebhookOptions,
    }

    #[test]
    fn webhooks_need_a_secret_and_a_public_address() {
        let file = env::temp_dir().join(format!("webhook-secret-{}", process::id()));
        fs::write(&file, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        let file = file.to_str().unwrap();
        let read = |arguments: &[&str]| Line::try_parse_from(["chatd"].iter().chain(arguments));
        let names = |arguments: &[&str]| -> Result<Vec<String>, String> {
            let webhooks =
                read(&[&["--webhook-secret-file", file], arguments].concat()).unwrap().webhooks.webhooks()?;
            Ok(webhooks.iter().map(|webhook| webhook.name().to_owned()).collect())
        };
        assert_eq!(names(&[]), Ok(Vec::new()));
        let two =
            names(&["--webhook", "https://a.example/x,https://b.example", "--webhook", "https://a.example/x"]).unwrap();
        assert!(two.len() == 3 && two[0] == two[2] && two[0] != two[1], "{two:?}");
        for inside in ["http://a.example/secret", "https://127.0.0.1/secret"] {
            let error = names(&["--webhook", inside]).unwrap_err();
            assert!(error.contains("unless") && !error.contains("secret"), "{error}");
            assert!(names(&["--webhook", inside, "--webhook-allow-private"]).is_ok());
        }
        let many = ["https://a.example"; 17].join(",");
        assert!(names(&["--webhook", &many]).unwrap_err().contains("at most 16"));
        assert!(read(&["--webhook", "https://a.example"]).is_err(), "a webhook needs a secret");
        fs::write(file, "short").unwrap();
        let error = names(&["--webhook", "https://a.example"]).unwrap_err();
        assert!(error.contains("whsec_") && error.contains(file), "{error}");
        fs::remove_file(file).unwrap();
        assert!(names(&["--webhook", "https://a.example"]).unwrap_err().contains(file));
    }
}
