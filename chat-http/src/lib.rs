//! The chat engine over HTTP: a REST API with an OpenAPI document, server-sent events, and a WebSocket protocol, on
//! poem.
//!
//! - [`api`] is REST under `/api/chat` and sockets under `/ws/chat`: mount it in a poem app of your own, under any prefix;
//! - [`site`] is that plus documentation, health and a front page;
//! - [`serve`] runs either on a listener, with the time-outs and the graceful stop that a chat server needs;
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
//! Features: `ui`, on by default, has the web page in [`site`], and `/client.js` and `/widget.js` for other pages;
//! `test-util` adds `testing`, an echo server on the sockets' own code, for conformance tests.

mod api;
#[cfg(feature = "ui")]
mod assets;
mod auth;
mod dto;
mod edge;
mod json;
mod metrics;
mod openapi;
mod origin;
mod patience;
mod problem;
mod query;
mod refusal;
mod server;
mod site;
mod spread;
mod sse;
#[cfg(feature = "test-util")]
pub mod testing;
mod vanished;
mod ws;

use std::{fmt, sync::Arc};

use chat_core::ChatEngine;
use poem::{EndpointExt, IntoEndpoint, Route, endpoint::BoxEndpoint, http::Method};

pub use auth::{Authenticator, Guests};
pub use openapi::{openapi_json, openapi_yaml};
pub use origin::{BadOrigin, Origin};
pub use server::{Server, serve};
pub use site::text_page;

use crate::{
    edge::{Edge, Methods},
    origin::Origins,
};

/// The examples of the guide for embedders are tests, too.
#[cfg(doctest)]
#[doc = include_str!("../../docs/embedding.md")]
struct Embedding;

/// REST and sockets, to be mounted in a poem app: `Route::new().nest("/chat", api(engine, Guests))`.
#[must_use]
pub fn api(engine: ChatEngine, authenticator: impl Authenticator) -> Api {
    metrics::describe();
    Api { engine, authenticator: Arc::new(authenticator), origins: Origins::default() }
}

/// [`api`] plus `/docs`, `/openapi.json`, `/openapi.yaml`, `/healthz`, `/readyz` and a front page.
#[must_use]
pub fn site(engine: ChatEngine, authenticator: impl Authenticator) -> Site {
    Site(api(engine, authenticator))
}

/// What [`api`] makes; an endpoint for poem.
#[derive(Clone)]
pub struct Api {
    engine: ChatEngine,
    authenticator: Arc<dyn Authenticator>,
    origins: Origins,
}

impl Api {
    /// Lets web pages of these origins in, besides those of the server's own: to open sockets, and to use the REST API.
    #[must_use]
    pub fn allow_origins(mut self, origins: impl IntoIterator<Item = Origin>) -> Self {
        self.origins = Origins::new(origins);
        self
    }

    fn routes(&self) -> Route {
        let one = ws::Sockets::room(self.engine.clone(), Arc::clone(&self.authenticator), self.origins.clone());
        let many = ws::Sockets::rooms(self.engine.clone(), Arc::clone(&self.authenticator), self.origins.clone());
        Route::new()
            .nest(api::PREFIX, openapi::service(api::resources(&self.engine)))
            .at("/ws/chat", many)
            .at("/ws/chat/:room_id", one)
    }

    fn finish(self, routes: Route, methods: Methods) -> BoxEndpoint<'static> {
        let challenge = self.authenticator.challenge();
        let inner = routes.data(self.authenticator);
        let methods = ws::PATHS.into_iter().fold(methods, |all, path| all.add(path, [Method::GET]));
        Edge { inner, methods, origins: self.origins, challenge }.boxed()
    }
}

impl IntoEndpoint for Api {
    type Endpoint = BoxEndpoint<'static>;

    fn into_endpoint(self) -> Self::Endpoint {
        let routes = self.routes();
        self.finish(routes, openapi::methods())
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("engine", &self.engine).field("origins", &self.origins).finish_non_exhaustive()
    }
}

/// What [`site`] makes; an endpoint for poem.
#[derive(Debug, Clone)]
pub struct Site(Api);

impl Site {
    /// See [`Api::allow_origins`].
    #[must_use]
    pub fn allow_origins(self, origins: impl IntoIterator<Item = Origin>) -> Self {
        Self(self.0.allow_origins(origins))
    }

    /// The engine behind it.
    pub(crate) const fn engine(&self) -> &ChatEngine {
        &self.0.engine
    }
}

impl IntoEndpoint for Site {
    type Endpoint = BoxEndpoint<'static>;

    fn into_endpoint(self) -> Self::Endpoint {
        let routes = site::routes(self.0.routes(), self.0.engine.clone());
        self.0.finish(routes, site::methods(openapi::methods()))
    }
}
