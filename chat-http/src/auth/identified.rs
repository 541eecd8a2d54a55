//! Finds out who asks before anything else of a request is looked at.

use poem::{Endpoint, Request, Result};

use super::{authentication::Authentication, authenticator::Authenticated};
use crate::{problem::Problem, security_log};

/// An endpoint whose requests carry who sends them, as an [`Authenticated`]. Others are refused before
/// their path, their parameters and their body are read.
pub(crate) struct Identified<E> {
    pub(crate) inner: E,
    pub(crate) authentication: Authentication,
    /// The paths where it does not matter who asks, or with what credentials.
    pub(crate) open: &'static [&'static str],
    /// What is added to the refusal of a request whose credentials are bad.
    pub(crate) refused: fn(&Request, Problem) -> Problem,
}

impl<E: Endpoint> Endpoint for Identified<E> {
    type Output = E::Output;

    async fn call(&self, mut request: Request) -> Result<E::Output> {
        let found = match self.open.contains(&request.uri().path()) {
            true => Authenticated::anonymous(),
            false => {
                let found = self.authentication.of_request(&request).await.map_err(Problem::from);
                found.map_err(|problem| {
                    security_log::refused(None, problem.code());
                    (self.refused)(&request, problem)
                })?
            }
        };
        let user = found.identity().map(|user| user.id.clone());
        request.set_data(found);
        let answer = self.inner.call(request).await;
        answer.inspect_err(|error| {
            let problem = error.downcast_ref::<Problem>();
            problem.into_iter().for_each(|problem| security_log::refused(user.as_ref(), problem.code()));
        })
    }
}
