//! Finds out who asks before anything else of a request is looked at.

use poem::{Endpoint, Request, Result};

use super::authentication::Authentication;
use crate::problem::Problem;

/// An endpoint whose requests carry who sends them, as an [`Authenticated`](super::Authenticated). Others are refused before
/// their path, their parameters and their body are read.
pub(crate) struct Identified<E> {
    pub(crate) inner: E,
    pub(crate) authentication: Authentication,
}

impl<E: Endpoint> Endpoint for Identified<E> {
    type Output = E::Output;

    async fn call(&self, mut request: Request) -> Result<E::Output> {
        let found = self.authentication.of_request(&request).await.map_err(Problem::from)?;
        request.set_data(found);
        self.inner.call(request).await
    }
}
