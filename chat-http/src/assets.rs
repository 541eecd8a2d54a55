//! The web page and its scripts, embedded as `npm run build` left them in `ui/dist`.

use bytes::Bytes;
use poem::{Route, get};

use crate::{
    account::Registration,
    entrance::Entrance,
    file::{self, A_MINUTE, ALWAYS_ASK, File, HTML, SCRIPT, STYLE, Served},
};

/// The page may load and run only files of this server, and may connect only to it. Text is never run as code; the one policy
/// of trusted types is for the service worker's address.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types chat-worker";

macro_rules! asset {
    ($path:expr, $file:expr, $kind:expr, $cache:expr, $for_others:literal) => {
        (
            $path,
            File {
                kind: $kind,
                cache: $cache,
                policy: POLICY,
                for_others: $for_others,
                plain: Bytes::from_static(include_bytes!(concat!("../ui/dist/", $file))),
                gzip: Some(Bytes::from_static(include_bytes!(concat!("../ui/dist/", $file, ".gz")))),
            },
        )
    };
}

/// An icon of the page that is installed. It is compressed as it is.
macro_rules! icon {
    ($name:literal) => {
        (
            concat!("/", $name),
            File {
                kind: "image/png",
                cache: A_MINUTE,
                policy: POLICY,
                for_others: false,
                plain: Bytes::from_static(include_bytes!(concat!("../ui/dist/", $name))),
                gzip: None,
            },
        )
    };
}

/// The texts of the page and the widget in one language; English is in their scripts.
macro_rules! texts {
    ($language:literal) => {
        asset!(
            concat!("/texts-", $language, ".json"),
            concat!("texts-", $language, ".json"),
            "application/json",
            A_MINUTE,
            true
        )
    };
}

const ASSETS: [(&str, File); 24] = [
    asset!("/", "index.html", HTML, ALWAYS_ASK, false),
    asset!("/app.js", "app.js", SCRIPT, A_MINUTE, false),
    asset!("/shared.js", "shared.js", SCRIPT, A_MINUTE, false),
    asset!("/more.js", "more.js", SCRIPT, A_MINUTE, false),
    asset!("/first.js", "first.js", SCRIPT, A_MINUTE, false),
    asset!("/app.css", "app.css", STYLE, A_MINUTE, false),
    asset!("/favicon.svg", "favicon.svg", "image/svg+xml", A_MINUTE, false),
    asset!("/manifest.webmanifest", "manifest.webmanifest", "application/manifest+json", A_MINUTE, false),
    icon!("icon-192.png"),
    icon!("icon-512.png"),
    icon!("icon-maskable.png"),
    asset!("/sw.js", "sw.js", SCRIPT, ALWAYS_ASK, false),
    asset!("/client.js", "client.js", SCRIPT, A_MINUTE, true),
    asset!("/widget.js", "widget.js", SCRIPT, A_MINUTE, true),
    asset!("/emoji.json", "emoji.json", "application/json", A_MINUTE, true),
    asset!("/markup.js", "markup.js", SCRIPT, A_MINUTE, true),
    texts!("ar"),
    texts!("de"),
    texts!("es"),
    texts!("fr"),
    texts!("hi"),
    texts!("ja"),
    texts!("pt"),
    texts!("zh"),
];

/// How the page says that there are no accounts, and no guests beside them.
const NO_ACCOUNTS: &str = "name=\"chat-accounts\" content=\"none\"";
const NO_GUESTS: &str = "name=\"chat-guests\" content=\"none\"";

/// Adds the page's paths. The page says whether the server has accounts, who may register, and whether guests may come, too.
pub(crate) fn routes(routes: Route, entrance: Entrance) -> Route {
    ASSETS.into_iter().fold(routes, |all, (path, file)| {
        let file = match entrance.accounts {
            Some(registration) if path == "/" => with_accounts(&file, registration, entrance.guests),
            Some(_) | None => file,
        };
        all.at(path, get(Served::new(file)))
    })
}

fn with_accounts(file: &File, registration: Registration, has_guests: bool) -> File {
    let word = match registration {
        Registration::Open => "open",
        Registration::Off => "off",
    };
    let mut page = String::from_utf8_lossy(&file.plain).replace(NO_ACCOUNTS, &NO_ACCOUNTS.replace("none", word));
    if has_guests {
        page = page.replace(NO_GUESTS, &NO_GUESTS.replace("none", "welcome"));
    }
    let plain = Bytes::from(page);
    File { gzip: Some(file::compressed(&plain)), plain, ..file.clone() }
}

/// The paths of [`routes`].
pub(crate) fn paths() -> impl Iterator<Item = &'static str> {
    ASSETS.into_iter().map(|(path, _)| path)
}
