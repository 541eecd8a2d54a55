//! How far a command is that takes long: a bar in a terminal, and a line in the log every 10 s elsewhere.
//!
//! Both go to standard error. So the log [makes way](beside) for the bars.

use std::{
    fmt,
    io::{self, IsTerminal},
    sync::OnceLock,
    time::{Duration, Instant},
};

use chat_core::log::LogLimit;
use indicatif::{MultiProgress, ProgressBar, ProgressFinish, ProgressStyle};

/// The bars that are shown, once there was one.
static BARS: OnceLock<MultiProgress> = OnceLock::new();
/// A bar, and what stands for one where nobody knows how much there is.
const BAR: &str = "{msg} {wide_bar} {human_pos} of {human_len}, {eta} left";
const SPINNER: &str = "{spinner} {msg}, {elapsed}";
/// How often a bar moves.
const TICK: Duration = Duration::from_millis(100);
/// How long a command may take until it is worth a word.
const PATIENCE: Duration = Duration::from_secs(1);

/// A command that goes on. Dropped, its bar is gone.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    bar: ProgressBar,
    lines: Option<LogLimit>,
}

impl Progress {
    /// Begins to tell of something, such as `importing`: `total` is how many there are, if that is known.
    pub(crate) fn start(what: &'static str, total: Option<u64>) -> Self {
        let (bar, template) = match total {
            Some(total) => (ProgressBar::new(total), BAR),
            None => (ProgressBar::new_spinner(), SPINNER),
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = bar.with_style(style).with_message(what).with_finish(ProgressFinish::AndClear);
        let bar = BARS.get_or_init(MultiProgress::new).add(bar);
        bar.enable_steady_tick(TICK);
        let lines = (!io::stderr().is_terminal()).then(LogLimit::new);
        Self { what, bar, lines }
    }

    /// So many are done.
    pub(crate) fn at(&self, done: u64) {
        self.bar.set_position(done);
        let Some(lines) = &self.lines else { return };
        if lines.pass(Instant::now()).is_some() {
            let seconds = self.bar.elapsed().as_secs();
            tracing::info!(seconds, "{}", Line { what: self.what, done, total: self.bar.length() });
        }
    }

    /// So many are done, of as many as it is known by now.
    pub(crate) fn at_of(&self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.at(done);
    }

    /// Awaits something of which nobody knows how far it is, and tells of it if it takes longer than a second.
    pub(crate) async fn during<T>(what: &'static str, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(PATIENCE) => {}
        }
        let progress = Self::start(what, None);
        loop {
            progress.at(0);
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(LogLimit::INTERVAL) => {}
            }
        }
    }
}

/// Does something that writes to standard error, such as a line of the log, without the bars in between.
pub(crate) fn beside<T>(write: impl FnOnce() -> T) -> T {
    match BARS.get() {
        Some(bars) => bars.suspend(write),
        None => write(),
    }
}

/// What a line says.
struct Line {
    what: &'static str,
    done: u64,
    total: Option<u64>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, done, total } = self;
        match total {
            Some(total) => {
                let percent = u128::from(*done) * 100 / u128::from(*total).max(1);
                write!(f, "{what}: {done} of {total} ({percent} %)")
            }
            None if *done > 0 => write!(f, "{what}: {done} so far"),
            None => write!(f, "{what}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_it_is() {
        let line = |done, total| Line { what: "importing", done, total }.to_string();
        assert_eq!(line(30, Some(120)), "importing: 30 of 120 (25 %)");
        assert_eq!(line(0, Some(0)), "importing: 0 of 0 (0 %)");
        assert_eq!(line(u64::MAX, Some(u64::MAX)), format!("importing: {0} of {0} (100 %)", u64::MAX));
        assert_eq!(line(7, None), "importing: 7 so far");
        assert_eq!(line(0, None), "importing");
    }

    #[test]
    fn the_bars_are_drawn_as_they_are_meant() {
        for template in [BAR, SPINNER] {
            ProgressStyle::with_template(template).unwrap();
        }
        let progress = Progress::start("importing", Some(3));
        progress.at(2);
        assert_eq!((progress.bar.position(), progress.bar.length()), (2, Some(3)));
        progress.at_of(3, 4);
        assert_eq!((progress.bar.position(), progress.bar.length()), (3, Some(4)));
        assert_eq!(beside(|| 5), 5);
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_long_is_awaited_all_the_same() {
        let long = async {
            tokio::time::sleep(Duration::from_secs(100)).await;
            7
        };
        assert_eq!(Progress::during("migrating", long).await, 7);
    }
}
