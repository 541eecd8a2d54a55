//! The chat engine over HTTP: a REST API with an OpenAPI document, server-sent events, and a WebSocket protocol, on
//! poem.
//!
//! - [`api`] is REST under `/api/chat` and sockets under `/ws/chat`: mount it in a poem app of your own, under any prefix;
//! - [`site`] is that plus documentation, health and a front page;
//! - [`service`] is the same as [`api`] for an app of axum, of plain hyper, or of anything else that takes a `tower` service;
//! - a [`Driver`] has the frames of the sockets over a socket of your own;
//! - [`serve`] runs [`api`] or [`site`] on a listener, with the time-outs and the graceful stop that a chat server needs;
//!   [`serve_when_made`] listens while the site is still being made; a [`Listener`] may have [`Tls`];
//! - an [`Authenticator`] says who sends a request; [`Guests`] believes everyone.
//!
//! ```no_run
//! use chat_core::{ChatEngine, Database};
//! use chat_http::{Guests, api};
//! use poem::{Route, Server, listener::TcpListener};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let engine = ChatEngine::builder().database(Database::memory()).build().await?;
//! let app = Route::new().nest("/community", api(engine, Guests)); // …/community/api/chat/rooms and …/community/ws/chat
//! Server::new(TcpListener::bind("127.0.0.1:3000")).run(app).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Features: `jwt`, on by default, has [`JwtAuthenticator`]; `ui`, on by default, has the web page in [`site`], and `/client.js` and `/widget.js` for other pages;
//! `test-util` adds `testing`, an echo server on the sockets' own code, for conformance tests.

mod account;
mod address;
mod api;
#[cfg(feature = "ui")]
mod assets;
mod auth;
mod connection;
mod cursor;
mod descriptors;
mod docs;
mod dto;
mod entrance;
mod etag;
mod file;
mod frames;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod host;
mod http1;
mod integer;
mod jitter;
mod json;
mod methods;
mod metrics;
mod middleware;
mod openapi;
mod options;
mod origin;
mod path;
mod position;
mod problem;
mod query;
mod refusal;
mod security_headers;
mod security_log;
mod server;
mod service;
mod site;
mod sse;
mod starting;
#[cfg(feature = "test-util")]
pub mod testing;
mod tls;
mod unfinished;
mod until_sent;
mod vanished;
mod write_timeout;
mod ws;

use std::{fmt, net::IpAddr, sync::Arc};

use chat_core::ChatEngine;
use poem::{
    EndpointExt, IntoEndpoint, Route,
    endpoint::BoxEndpoint,
    http::{Extensions, HeaderMap},
};

pub use account::{AccountStore, Accounts, Registration};
pub use address::{BadTrustedProxy, TrustedProxy};
pub use auth::{Authenticated, Authenticator, Credential, Guests, LoginEnd, LoginWatch, Several, Via};
#[cfg(feature = "jwt")]
pub use auth::{BadJwtKeys, JwtAuthenticator, JwtKeys};
pub use host::{BadHostName, HostName};
pub use openapi::{openapi_json, openapi_yaml};
pub use options::Options;
pub use origin::{BadOrigin, Origin};
pub use poem::Request;
pub use server::{Server, serve};
pub use service::{ChatService, ResponseBody, service};
pub use site::text_page;
pub use starting::serve_when_made;
pub use tls::{BadCertificate, Listener, Tls};
pub use ws::{ClientFrame, Driver, Ended, FrameText, ServerFrame};

use crate::{
    auth::{Authentication, Identified},
    entrance::Entrance,
    host::Hosts,
    methods::Methods,
    middleware::Middleware,
    problem::Challenge,
    unfinished::Unfinished,
};

/// The examples of the guide for embedders are tests, too.
#[cfg(doctest)]
#[doc = include_str!("../../docs/embedding.md")]
struct Embedding;

/// REST and sockets, to be mounted in a poem app: `Route::new().nest("/chat", api(engine, Guests))`.
#[must_use]
pub fn api(engine: ChatEngine, authenticator: impl Authenticator) -> Api {
    metrics::describe();
    Api { engine, authenticator: Arc::new(authenticator), options: Options::default() }
}

/// [`api`] plus `/docs`, `/openapi.json`, `/openapi.yaml`, `/healthz`, `/readyz` and a front page. It answers only for loopback
/// names and IP addresses, until it is told its [own](Site::public_url) or [other](Site::allow_hosts) names.
#[must_use]
pub fn site(engine: ChatEngine, authenticator: impl Authenticator) -> Site {
    Site(api(engine, authenticator).allow_hosts([]))
}

/// What [`api`] makes; an endpoint for poem.
#[derive(Clone)]
pub struct Api {
    engine: ChatEngine,
    authenticator: Arc<dyn Authenticator>,
    options: Options,
}

impl Api {
    /// See [`Options::allow_origins`].
    #[must_use]
    pub fn allow_origins(self, origins: impl IntoIterator<Item = Origin>) -> Self {
        self.change(|options| options.allow_origins(origins))
    }

    /// See [`Options::public_url`].
    #[must_use]
    pub fn public_url(self, url: Origin) -> Self {
        self.change(|options| options.public_url(url))
    }

    /// See [`Options::allow_hosts`].
    #[must_use]
    pub fn allow_hosts(self, hosts: impl IntoIterator<Item = HostName>) -> Self {
        self.change(|options| options.allow_hosts(hosts))
    }

    /// See [`Options::allow_any_host`].
    #[must_use]
    pub fn allow_any_host(self) -> Self {
        self.change(Options::allow_any_host)
    }

    /// See [`Options::accounts`].
    #[must_use]
    pub fn accounts(self, accounts: Accounts) -> Self {
        self.change(|options| options.accounts(accounts))
    }

    /// See [`Options::client_address`].
    #[must_use]
    pub fn client_address(
        self,
        find: impl Fn(&HeaderMap, &Extensions) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        self.change(|options| options.client_address(find))
    }

    /// The same with these options, and no others.
    #[must_use]
    pub fn with(self, options: Options) -> Self {
        Self { options, ..self }
    }

    fn change(self, change: impl FnOnce(Options) -> Options) -> Self {
        Self { options: change(self.options), ..self }
    }

    fn routes(&self) -> Route {
        let authentication = Authentication::new(Arc::clone(&self.authenticator), self.engine.clone());
        let one = ws::Sockets::room(self.engine.clone(), authentication.clone(), self.options.origins.clone());
        let many = ws::Sockets::rooms(self.engine.clone(), authentication.clone(), self.options.origins.clone());
        let resources = openapi::service(api::resources(&self.engine, &authentication, self.options.accounts.as_ref()));
        Route::new()
            .nest(
                api::PREFIX,
                Identified {
                    inner: resources.into_endpoint(),
                    authentication,
                    open: &api::OPEN,
                    refused: account::forget_login,
                },
            )
            .at("/ws/chat", many)
            .at("/ws/chat/:room_id", one)
    }

    fn finish(self, routes: Route, methods: Methods, owns_host: bool) -> BoxEndpoint<'static> {
        let challenge = Challenge::of(&*self.authenticator);
        let inner = routes.data(Unfinished::default());
        let methods = ws::PATHS.into_iter().fold(methods, Methods::add_stream);
        let mut options = self.options;
        options.hosts = options.origins.own_host().into_iter().fold(options.hosts, Hosts::and);
        Middleware { inner, methods, options, challenge, owns_host }.boxed()
    }
}

impl IntoEndpoint for Api {
    type Endpoint = BoxEndpoint<'static>;

    fn into_endpoint(self) -> Self::Endpoint {
        let routes = self.routes();
        self.finish(routes, openapi::methods(), false)
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all = f.debug_struct("Api");
        all.field("engine", &self.engine).field("options", &self.options).finish_non_exhaustive()
    }
}

/// What [`site`] makes; an endpoint for poem.
#[derive(Debug, Clone)]
pub struct Site(Api);

impl Site {
    /// See [`Options::allow_origins`].
    #[must_use]
    pub fn allow_origins(self, origins: impl IntoIterator<Item = Origin>) -> Self {
        Self(self.0.allow_origins(origins))
    }

    /// See [`Options::public_url`].
    #[must_use]
    pub fn public_url(self, url: Origin) -> Self {
        Self(self.0.public_url(url))
    }

    /// See [`Options::allow_hosts`].
    #[must_use]
    pub fn allow_hosts(self, hosts: impl IntoIterator<Item = HostName>) -> Self {
        Self(self.0.allow_hosts(hosts))
    }

    /// See [`Options::allow_any_host`].
    #[must_use]
    pub fn allow_any_host(self) -> Self {
        Self(self.0.allow_any_host())
    }

    /// See [`Options::accounts`].
    #[must_use]
    pub fn accounts(self, accounts: Accounts) -> Self {
        Self(self.0.accounts(accounts))
    }

    /// See [`Options::client_address`].
    #[must_use]
    pub fn client_address(
        self,
        find: impl Fn(&HeaderMap, &Extensions) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        Self(self.0.client_address(find))
    }

    /// The engine behind it.
    pub(crate) const fn engine(&self) -> &ChatEngine {
        &self.0.engine
    }
}

impl IntoEndpoint for Site {
    type Endpoint = BoxEndpoint<'static>;

    fn into_endpoint(self) -> Self::Endpoint {
        let accounts = self.0.options.accounts.as_ref().map(Accounts::registration);
        let entrance = Entrance { accounts, guests: self.0.authenticator.welcomes_guests() };
        let routes = site::routes(self.0.routes(), self.0.engine.clone(), entrance);
        self.0.finish(routes, site::methods(openapi::methods()), true)
    }
}
