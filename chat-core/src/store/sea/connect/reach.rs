//! Why a server cannot be reached: a pool would only say that it took too long, since it goes on trying.

use std::time::Duration;

use sea_orm::SqlxError;
use tokio::time::{error::Elapsed, sleep, timeout};

use super::{super::error::SqlError, Source};
use crate::store::{StoreError, StoreErrorKind};

/// How long a server may take to answer one who connects.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How often one is asked again that is only starting, or has too many connections.
const TRIES: usize = 8;
/// How long to wait in between.
const INTERVAL: Duration = Duration::from_millis(250);

/// What became of connecting once.
type Reached = Result<Result<(), SqlxError>, Elapsed>;

/// Connects to a server once, on no pool's account. If that is not possible, the error has its address and the reason.
pub(in crate::store::sea) async fn reach(source: &dyn Source) -> Result<(), StoreError> {
    let mut reached = timeout(TIMEOUT, source.visit()).await;
    for _ in 0..TRIES {
        if !may_pass(&reached) {
            break;
        }
        sleep(INTERVAL).await;
        reached = timeout(TIMEOUT, source.visit()).await;
    }
    let (kind, reason) = match reached {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => (SqlError::from(&error).error.kind, reason(&error)),
        Err(_) => (StoreErrorKind::Unavailable, "no answer in time".to_owned()),
    };
    Err(StoreError::new(kind, format!("{}: {reason}", source.name())))
}

fn may_pass(reached: &Reached) -> bool {
    match reached {
        Ok(Err(error)) => error.as_database_error().is_some_and(|cause| cause.is_transient_in_connect_phase()),
        Ok(Ok(())) | Err(_) => false,
    }
}

/// In the words of whoever said no.
#[expect(clippy::wildcard_enum_match_arm, reason = "what has no text of its own is told as the driver does")]
fn reason(error: &SqlxError) -> String {
    match error {
        SqlxError::Io(cause) => cause.to_string(),
        SqlxError::Tls(cause) => format!("TLS: {cause}"),
        SqlxError::Database(_) => SqlError::from(error).error.detail,
        _ => error.to_string(),
    }
}
