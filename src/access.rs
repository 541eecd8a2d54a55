//! Who may use the server: guests, users with accounts, or users with tokens of the host's app.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use chat_core::ChatEngine;
use chat_http::{Accounts, FeedToken, Guests, JwtAuthenticator, JwtKeys, Several, TrustedProxy};
use clap::{Args, builder::BoolishValueParser};

use crate::{
    accounts::AccountOptions,
    key_file::{line, read, within},
    signals::Hangups,
};

/// The options that say it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Who may use it")]
pub(crate) struct AccessOptions {
    /// Let anyone use any name, as a guest. It is on by default if there is no other way to say who one is, no trusted proxy, and
    /// the server listens on a loopback address. Beside tokens and accounts, a guest's id begins with `guest:`.
    #[arg(long, env = "CHATD_GUESTS", value_parser = BoolishValueParser::new())]
    guests: bool,

    #[command(flatten)]
    accounts: AccountOptions,

    /// Admit users with tokens (JWT) that your app signs with the secret in this file (HS256): at least 32 bytes, chosen at
    /// random. A line end at its end does not count.
    #[arg(long, env = "CHATD_JWT_HS256_FILE", value_name = "FILE")]
    jwt_hs256_file: Option<PathBuf>,

    /// Admit users with tokens (JWT) that your app signs for one of the public keys in this file (EdDSA, ES256, RS256): a JWKS,
    /// or PEM. SIGHUP makes the server read the files with keys again.
    #[arg(long, env = "CHATD_JWT_JWKS", value_name = "FILE")]
    jwt_jwks: Option<PathBuf>,

    /// Refuse tokens whose `aud` is another one; may be repeated (in the environment: separated by commas).
    #[arg(long, env = "CHATD_JWT_AUDIENCE", value_name = "NAME", value_delimiter = ',')]
    jwt_audience: Vec<String>,

    /// Refuse tokens whose `iss` is another one; may be repeated (in the environment: separated by commas).
    #[arg(long, env = "CHATD_JWT_ISSUER", value_name = "NAME", value_delimiter = ',')]
    jwt_issuer: Vec<String>,

    /// The claim of a token that has the name to show.
    #[arg(long, env = "CHATD_JWT_NAME_CLAIM", value_name = "CLAIM", default_value = "name")]
    jwt_name_claim: String,

    /// A reverse proxy to believe when it says where a request comes from (`X-Forwarded-For`): an address, or a network such as
    /// 10.0.0.0/8, from which only proxies connect; may be repeated (in the environment: separated by commas).
    #[arg(
        long = "trusted-proxy",
        env = "CHATD_TRUSTED_PROXIES",
        value_name = "ADDRESS",
        value_delimiter = ',',
        num_args = 1..
    )]
    trusted_proxies: Vec<TrustedProxy>,

    /// Give the events of all rooms (GET /api/chat/events/feed) to whoever sends the token in this file: at least 32 visible
    /// characters, chosen at random. A line end at its end does not count.
    #[arg(long, env = "CHATD_FEED_TOKEN_FILE", value_name = "FILE")]
    feed_token_file: Option<PathBuf>,

    /// Start with tokens or accounts on a database in which guests had their names as ids: whoever comes with such an id becomes that
    /// user.
    #[arg(long, env = "CHATD_KEEP_GUEST_IDS", value_parser = BoolishValueParser::new())]
    keep_guest_ids: bool,
}

/// Who may use the server.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) accounts: AccountOptions,
    tokens: Option<JwtAuthenticator>,
    has_guests: bool,
    keeps_guest_ids: bool,
    trusted_proxies: Vec<TrustedProxy>,
    feed_token: Option<FeedToken>,
    files: KeyFiles,
}

/// Where the keys for tokens are.
#[derive(Debug, Clone, Default)]
struct KeyFiles {
    secret: Option<PathBuf>,
    public: Option<PathBuf>,
}

impl Access {
    /// What the options say for a server that listens on this address, with the keys read; or what is wrong with them.
    pub(crate) fn of(options: AccessOptions, address: SocketAddr) -> Result<Self, String> {
        let files = KeyFiles { secret: options.jwt_hs256_file, public: options.jwt_jwks };
        let tokens = if files.are_given() {
            let tokens = JwtAuthenticator::new(files.read()?).name_claim(options.jwt_name_claim);
            let tokens = options.jwt_audience.into_iter().fold(tokens, JwtAuthenticator::audience);
            Some(options.jwt_issuer.into_iter().fold(tokens, JwtAuthenticator::issuer))
        } else if !options.jwt_audience.is_empty() || !options.jwt_issuer.is_empty() {
            return Err("--jwt-audience and --jwt-issuer need --jwt-hs256-file or --jwt-jwks".to_owned());
        } else {
            None
        };
        let is_loopback = address.ip().to_canonical().is_loopback();
        let is_reached = if !options.trusted_proxies.is_empty() {
            Some("others come through the trusted proxy".to_owned())
        } else if !is_loopback {
            Some(format!("{address} can be reached from elsewhere"))
        } else {
            None
        };
        let knows_users = tokens.is_some() || options.accounts.accounts;
        let has_guests = options.guests || !knows_users && is_reached.is_none();
        if let Some(how) = is_reached.filter(|_| !knows_users && !has_guests) {
            return Err(format!(
                "who may use it? {how}: --accounts lets users register and log in, --jwt-hs256-file or --jwt-jwks \
                 admits users of your app, and --guests lets anyone use any name"
            ));
        }
        Ok(Self {
            accounts: options.accounts,
            tokens,
            has_guests,
            keeps_guest_ids: options.keep_guest_ids,
            trusted_proxies: options.trusted_proxies,
            feed_token: options.feed_token_file.map(|path| read_feed_token(&path)).transpose()?,
            files,
        })
    }

    /// Whether anyone may use any name.
    pub(crate) const fn has_guests(&self) -> bool {
        self.has_guests
    }

    /// The proxies to believe when they say where a request comes from.
    pub(crate) fn trusted_proxies(&self) -> &[TrustedProxy] {
        &self.trusted_proxies
    }

    /// What the feed of all rooms asks for, if the server gives it.
    pub(crate) fn feed_token(&self) -> Option<FeedToken> {
        self.feed_token.clone()
    }

    /// Sees to it that no guest of before is taken for another user, or says why it cannot.
    pub(crate) async fn check_ids(&self, engine: &ChatEngine) -> Result<(), String> {
        let failed = |error| format!("cannot find out which ids guests have in the database: {error}");
        if self.tokens.is_none() && !self.accounts.accounts {
            return engine.keep_bare_guest_ids().await.map_err(failed);
        }
        if !self.keeps_guest_ids && engine.has_bare_guest_ids().await.map_err(failed)? {
            return Err("guests had their names as ids in this database. None of them has an account, and a token with such an id \
                        would make its user one of them: use a new database, or accept that with --keep-guest-ids"
                .to_owned());
        }
        Ok(())
    }

    /// What finds out who sends a request.
    pub(crate) fn authenticator(&self, accounts: Option<Accounts>) -> Several {
        let several = match (accounts, self.tokens.clone()) {
            (Some(accounts), Some(tokens)) => Several::new(accounts.beside_tokens()).or(tokens),
            (Some(accounts), None) => Several::new(accounts),
            (None, Some(tokens)) => Several::new(tokens),
            (None, None) => return Several::new(Guests),
        };
        if self.has_guests { several.or(Guests) } else { several }
    }

    /// Reads the keys again at each SIGHUP. If they are bad, those of before stay.
    pub(crate) fn reload_on_hangup(&self) {
        let Some(tokens) = self.tokens.clone() else { return };
        let (files, mut hangups) = (self.files.clone(), Hangups::new());
        tokio::spawn(async move {
            loop {
                hangups.next().await;
                match files.read() {
                    Ok(keys) => {
                        tracing::info!(keys = keys.len(), "SIGHUP: the keys for tokens were read again");
                        tokens.replace_keys(keys);
                    }
                    Err(error) => tracing::error!("SIGHUP: the keys for tokens stay as they were: {error}"),
                }
            }
        });
    }
}

impl KeyFiles {
    const fn are_given(&self) -> bool {
        self.secret.is_some() || self.public.is_some()
    }

    fn read(&self) -> Result<JwtKeys, String> {
        let mut keys = JwtKeys::default();
        if let Some(path) = &self.secret {
            keys = keys.and_hs256(line(&read(path)?)).map_err(|error| within(path, &error))?;
        }
        if let Some(path) = &self.public {
            let text = String::from_utf8(read(path)?).map_err(|_| within(path, &"it is not text"))?;
            keys = keys.and_public(&text).map_err(|error| within(path, &error))?;
        }
        Ok(keys)
    }
}

fn read_feed_token(path: &Path) -> Result<FeedToken, String> {
    let bytes = read(path)?;
    let token = std::str::from_utf8(line(&bytes)).unwrap_or_default();
    FeedToken::new(token).map_err(|error| within(path, &error))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        access: AccessOptions,
    }

    fn access(arguments: &[&str], address: &str) -> Result<Access, String> {
        let line = Line::try_parse_from(["chatd"].iter().chain(arguments)).unwrap();
        Access::of(line.access, address.parse().unwrap())
    }

    /// A file that is gone with the process.
    fn file(name: &str, content: &[u8]) -> String {
        let path = std::env::temp_dir().join(format!("chatd-{}-{name}", std::process::id()));
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    #[test]
    fn guests_come_by_default_only_from_this_machine() {
        for (arguments, address, has_guests) in [
            (&[][..], "127.0.0.1:1", Ok(true)),
            (&[], "[::1]:1", Ok(true)),
            (&[], "[::ffff:127.0.0.1]:1", Ok(true)),
            (&[], "0.0.0.0:1", Err(())),
            (&[], "[::]:1", Err(())),
            (&[], "192.0.2.1:1", Err(())),
            (&["--guests"], "0.0.0.0:1", Ok(true)),
            (&["--trusted-proxy", "127.0.0.1"], "127.0.0.1:1", Err(())),
            (&["--trusted-proxy", "127.0.0.1", "10.0.0.0/8", "--guests"], "127.0.0.1:1", Ok(true)),
        ] {
            let found = access(arguments, address).map(|access| access.has_guests()).map_err(drop);
            assert_eq!(found, has_guests, "{arguments:?} {address}");
        }
        assert!(access(&[], "0.0.0.0:1").unwrap_err().contains("--guests"));
        assert!(access(&["--trusted-proxy", "::1"], "127.0.0.1:1").unwrap_err().contains("trusted proxy"));
    }

    #[test]
    fn with_tokens_guests_are_asked_for() {
        let secret = file("secret", b"0123456789abcdef0123456789abcdef\n");
        for (guests, expected) in [(&["--guests"][..], true), (&[], false)] {
            let arguments = [&["--jwt-hs256-file", secret.as_str()], guests].concat();
            assert_eq!(access(&arguments, "127.0.0.1:1").unwrap().has_guests(), expected);
            assert!(access(&arguments, "0.0.0.0:1").is_ok());
        }
    }

    #[test]
    fn with_accounts_guests_are_asked_for() {
        for (arguments, expected) in [(&["--accounts"][..], false), (&["--accounts", "--guests"], true)] {
            assert_eq!(access(arguments, "127.0.0.1:1").unwrap().has_guests(), expected);
            assert!(access(arguments, "0.0.0.0:1").is_ok());
        }
        for alone in [&["--registration", "off"][..], &["--setup-token-file", "x"]] {
            let line = Line::try_parse_from(["chatd"].iter().chain(alone));
            assert!(line.unwrap_err().to_string().contains("--accounts"), "{alone:?}");
        }
        assert!(Line::try_parse_from(["chatd", "--accounts", "--registration", "perhaps"]).is_err());
    }

    #[test]
    fn bad_keys_are_said_with_their_file() {
        let short = file("short", b"0123456789abcdef0123456789abcde\r\n");
        let refused = access(&["--jwt-hs256-file", &short], "127.0.0.1:1").unwrap_err();
        assert!(refused.contains("31 bytes") && refused.contains(&short), "{refused}");
        let missing = access(&["--jwt-jwks", "/nowhere/keys.json"], "127.0.0.1:1").unwrap_err();
        assert!(missing.contains("/nowhere/keys.json"), "{missing}");
        let binary = file("binary", &[0xff; 64]);
        assert!(access(&["--jwt-jwks", &binary], "127.0.0.1:1").unwrap_err().contains("not text"));
        assert!(access(&["--jwt-audience", "chat"], "127.0.0.1:1").unwrap_err().contains("--jwt-jwks"));
    }
}
