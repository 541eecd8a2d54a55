//! Shows that the checker works: each bug that can be injected has to be found.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use chat_core::mutations::Bug;
use histcheck::Name;
use tokio::time::Instant;

use crate::{
    database::Kind,
    nemesis::Fault,
    run::{Options, Report, run},
    server::Result,
    workload::ClientCounts,
};

/// The result of looking for one bug.
#[derive(Debug)]
pub struct MutationResult {
    /// The bug.
    pub bug: Bug,
    /// The anomalies that reported it, each with its count; empty if it was missed.
    pub caught_by: Vec<(Name, usize)>,
    /// How long that took.
    pub took: Duration,
    /// How many runs it took.
    pub runs: u64,
}

impl MutationResult {
    /// Whether it was found.
    #[must_use]
    pub const fn is_caught(&self) -> bool {
        !self.caught_by.is_empty()
    }
}

impl fmt::Display for MutationResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.caught_by.iter().map(|(name, count)| format!("{count} {name}")).collect();
        let names = if self.is_caught() { names.join(", ") } else { "MISSED".to_owned() };
        write!(f, "{:31} {:4.0} s  {names}", self.bug.name(), self.took.as_secs_f64())
    }
}

/// Runs a server with this bug until someone notices, for a minute at most; `shows_progress` on standard error.
///
/// # Errors
/// The torture itself does not work.
pub async fn look_for(
    bug: Bug,
    program: PathBuf,
    counts: ClientCounts,
    shows_progress: bool,
) -> Result<MutationResult> {
    let case = case(bug);
    let began = Instant::now();
    let mut runs = 0;
    let mut report: Option<Report> = None;
    while began.elapsed() < TIMEOUT && report.as_ref().is_none_or(|report| found(&case, report).is_empty()) {
        runs += 1;
        let options = Options {
            program: if case.is_shop { shop_beside(&program) } else { program.clone() },
            is_shop: case.is_shop,
            seed: runs,
            time: Duration::from_secs(case.seconds),
            quiet: Duration::from_secs(case.quiet),
            database: case.database,
            faults: case.faults.clone(),
            network: Err("nothing here needs it".to_owned()),
            bug: Some(bug.name().to_owned()),
            counts,
            keeps_files: false,
            shows_progress,
        };
        let done = run(options).await?;
        if let Some((fault, why)) = done.skipped.first() {
            return Err(format!("only {} can show {bug}: {why}", fault.name()).into());
        }
        report = Some(done);
    }
    let caught_by = report.map(|report| found(&case, &report)).unwrap_or_default();
    Ok(MutationResult { bug, caught_by, took: began.elapsed(), runs })
}

/// The shop's program, which is built beside the server's.
#[must_use]
pub fn shop_beside(server: &Path) -> PathBuf {
    server.with_file_name("shop")
}

/// The anomalies that count.
fn found(case: &Case, report: &Report) -> Vec<(Name, usize)> {
    let counts = |name: &Name| case.only.is_empty() || case.only.contains(name);
    report.findings.found.iter().filter(|(name, _)| counts(name)).map(|(name, count)| (*name, *count)).collect()
}

/// The run that shows a bug.
#[derive(Debug)]
struct Case {
    faults: Vec<Fault>,
    database: Kind,
    /// Whether only a shop can have it.
    is_shop: bool,
    seconds: u64,
    quiet: u64,
    /// The anomalies that count, if a server without bugs may raise others in such a run; empty: all.
    only: Vec<Name>,
}

impl Case {
    fn by(faults: &[Fault]) -> Self {
        let database = Kind::Sqlite;
        Self { faults: faults.to_vec(), database, is_shop: false, seconds: 5, quiet: 2, only: Vec::new() }
    }

    fn for_long(self) -> Self {
        Self { seconds: 10, ..self }
    }
}

fn case(bug: Bug) -> Case {
    match bug {
        // Reads are stale, too, for the moment until the commit.
        Bug::AckBeforeCommit => Case { only: vec![Name::LostWrite], ..Case::by(&[Fault::KillRandom]).for_long() },
        Bug::PublishBeforeCommit
        | Bug::LiveBeforeGap
        | Bug::ResumeOkOnHole
        | Bug::ReuseSeq
        | Bug::DedupForgottenAtRestart => Case::by(&[Fault::KillRandom]).for_long(),
        Bug::AttachOffByOne | Bug::AttachRepeatsOne => Case::by(&[Fault::CutSockets]),
        Bug::ResyncSwallowed => Case::by(&[Fault::StopReading, Fault::CutSockets]).for_long(),
        // Rooms are rarely deleted.
        Bug::SentAfterTheEnd => Case { seconds: 15, ..Case::by(&[]) },
        Bug::LostOnShutdown => Case::by(&[Fault::Sigterm]),
        Bug::FailedAppendAcked => Case::by(&[Fault::DbLocked, Fault::DiskFull]).for_long(),
        Bug::SynchronousNormal => Case::by(&[Fault::PowerCut]),
        // Most senders retry what was refused, and so have caused what is seen.
        Bug::UnknownTreatedAsFailed => {
            Case { database: Kind::Postgres, seconds: 30, ..Case::by(&[Fault::LostCommitAnswer]) }
        }
        // A foreign writer may make reads stale, which is no broken promise; but a subscription never has a gap.
        Bug::HoleNotLoaded => Case { only: vec![Name::Gap], ..Case::by(&[Fault::ForeignWriter]) },
        // These are found only after the time that a correct server may take.
        Bug::TypingNeverExpires
        | Bug::TypingStopLost
        | Bug::PresenceNotCleared
        | Bug::LeaveWithoutTheLastSession
        | Bug::ArrivalMissed => Case { quiet: 16, ..Case::by(&[Fault::CutSockets]) },
        Bug::BanEvadedByResume => Case { only: vec![Name::LeakAfterRemoval], ..Case::by(&[Fault::CutSockets]) },
        Bug::BanLostWithRestart => Case {
            only: vec![Name::ActedWithoutRight, Name::LeakAfterRemoval],
            ..Case::by(&[Fault::KillRandom]).for_long()
        },
        Bug::RightsOfBeforeTheQueue
        | Bug::InviteUsedOnceTooOften
        | Bug::RevokedInviteAccepted
        | Bug::ExpiredInviteAccepted
        | Bug::BanEvadedByInvite => Case { only: vec![Name::ActedWithoutRight], ..Case::by(&[]) },
        Bug::OutboxForgets | Bug::OutboxOutOfOrder | Bug::OutboxBeforeCommit => Case { is_shop: true, ..Case::by(&[]) },
        Bug::RemovedStillHear => Case { only: vec![Name::LeakAfterRemoval, Name::HeardAfterRemoval], ..Case::by(&[]) },
        Bug::FeedLeavesOut | Bug::FeedBehind => {
            Case { only: vec![Name::Gap, Name::StaleRead, Name::UnseenAfterHeal], ..Case::by(&[]) }
        }
        Bug::DropDelivery
        | Bug::DoubleDelivery
        | Bug::SwapDeliveries
        | Bug::StuckSubscription
        | Bug::BodyChanged
        | Bug::SenderMixedUp
        | Bug::WrongSeqInOk
        | Bug::StoredYetRefused
        | Bug::PipelinedSendsOutOfOrder
        | Bug::DeliverAfterDetach
        | Bug::DedupOff
        | Bug::DedupOffInBatch
        | Bug::NumberSkippedByReplay
        | Bug::KeyMismatchAccepted
        | Bug::RenameNotServed
        | Bug::StaleHistory
        | Bug::HistoryHole => Case::by(&[]),
    }
}

const TIMEOUT: Duration = Duration::from_secs(60);
