//! Tickets for sockets.

use poem::Result;
use poem_openapi::{ApiResponse, OpenApi};

use super::{args::Login, body::Encoded, tag::Tag};
use crate::{auth::Authentication, dto::TicketDto, problem::Problem};

/// What gives tickets.
pub(crate) struct TicketsApi {
    authentication: Authentication,
}

impl TicketsApi {
    pub(crate) const fn new(authentication: Authentication) -> Self {
        Self { authentication }
    }
}

#[OpenApi(tag = "Tag::Identity")]
impl TicketsApi {
    /// Get a ticket for a socket
    ///
    /// For browsers, which set no headers on sockets: the ticket stands for what this request was authenticated with, once and
    /// within 30 s. Offer it as a sub-protocol, `new WebSocket(url, ["chat", "ticket." + ticket])`, or send it as the first frame,
    /// `{"type":"auth","ticket":…}`.
    #[oai(path = "/ticket", method = "post", operation_id = "create_ticket")]
    #[expect(clippy::unused_async, reason = "operations are async, as poem-openapi has them")]
    async fn create(&self, caller: Login) -> Result<IssuedTicket, Problem> {
        let (ticket, good_for) = self.authentication.issue_ticket(&caller.0)?;
        Ok(IssuedTicket::Issued(Encoded(TicketDto::new(ticket, good_for))))
    }
}

#[derive(ApiResponse)]
enum IssuedTicket {
    /// The ticket.
    #[oai(status = 200)]
    Issued(Encoded<TicketDto>),
}
