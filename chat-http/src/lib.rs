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
//! `webhook` adds [`webhook`], which posts what happens in all rooms to URLs;
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
mod error_ext;
mod etag;
mod feed_token;
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
mod mount;
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
#[cfg(feature = "webhook")]
pub mod webhook;
mod write_timeout;
mod ws;

pub use account::{AccountStore, Accounts, Registration};
pub use address::{BadTrustedProxy, TrustedProxy};
pub use auth::{Authenticated, Authenticator, Credential, Guests, LoginEnd, LoginWatch, Several, Via};
#[cfg(feature = "jwt")]
pub use auth::{BadJwtKeys, JwtAuthenticator, JwtKeys};
pub use error_ext::ErrorExt;
pub use feed_token::FeedToken;
pub use host::{BadHostName, HostName};
pub use mount::{Api, Site, api, site};
pub use openapi::{openapi_json, openapi_yaml};
pub use options::Options;
pub use origin::{BadOrigin, Origin};
pub use poem::Request;
pub use problem::Problem;
pub use server::{Server, serve};
pub use service::{ChatService, ResponseBody, service};
pub use site::text_page;
pub use starting::serve_when_made;
pub use tls::{BadCertificate, Listener, Tls};
pub use ws::{ClientFrame, Driver, Ended, FrameText, ServerFrame};

/// The examples of the README and of the guide for embedders are tests, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../../docs/embedding.md")]
struct Embedding;
