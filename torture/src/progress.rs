//! The progress of a run: a bar on a terminal, a line every 5 s elsewhere.

use std::{
    io::{IsTerminal, Write, stderr},
    sync::Arc,
    time::Duration,
};

use tokio::{task::JoinHandle, time::Instant};

use crate::{
    format::number,
    recorder::{Recorder, Told},
};

/// Shows on standard error how far a run is, until it is dropped.
#[derive(Debug)]
pub struct Progress {
    task: JoinHandle<()>,
    on_terminal: bool,
}

impl Progress {
    /// Starts to show the progress of a run that takes about this long.
    #[must_use]
    pub fn begin(title: String, takes: Duration, recorder: Arc<Recorder>) -> Self {
        let on_terminal = stderr().is_terminal();
        let every = if on_terminal { Duration::from_millis(200) } else { Duration::from_secs(5) };
        let task = tokio::spawn(async move {
            let began = Instant::now();
            loop {
                tokio::time::sleep(every).await;
                let line = line(&title, began.elapsed(), takes, &recorder.told(), on_terminal);
                // A failure to show the progress does not stop the run.
                drop(if on_terminal { write!(stderr(), "\r\x1b[K{line}") } else { writeln!(stderr(), "{line}") });
            }
        });
        Self { task, on_terminal }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.task.abort();
        if self.on_terminal {
            drop(write!(stderr(), "\r\x1b[K"));
        }
    }
}

/// The line to show, short enough for a terminal of 100 columns.
fn line(title: &str, elapsed: Duration, takes: Duration, told: &Told, with_bar: bool) -> String {
    let share = (elapsed.as_secs_f64() / takes.as_secs_f64().max(1.0)).min(1.0);
    let bar = if with_bar { format!(" [{}]", bar(share)) } else { String::new() };
    let Told { sends, events, now } = told;
    let (elapsed, takes) = (elapsed.as_secs(), takes.as_secs());
    let time = if elapsed > takes { format!("{elapsed} s, ending") } else { format!("{elapsed} of {takes} s") };
    let now = if now.is_empty() { "beginning" } else { now };
    format!("{title}:{bar} {time}, {now}; {} sends ok, {} events heard", number(*sends), number(*events))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share is between 0 and 1")]
fn bar(share: f64) -> String {
    let full = (share * BAR as f64) as usize;
    format!("{}{}", "#".repeat(full), "-".repeat(BAR - full))
}

const BAR: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_how_far_a_run_is() {
        let told = Told { sends: 1_234, events: 5, now: "kill_random".to_owned() };
        let at =
            |seconds, with_bar| line("seed 7", Duration::from_secs(seconds), Duration::from_secs(40), &told, with_bar);
        assert_eq!(at(10, false), "seed 7: 10 of 40 s, kill_random; 1,234 sends ok, 5 events heard");
        assert_eq!(at(10, true), "seed 7: [####------------] 10 of 40 s, kill_random; 1,234 sends ok, 5 events heard");
        assert_eq!(
            at(50, true),
            "seed 7: [################] 50 s, ending, kill_random; 1,234 sends ok, 5 events heard"
        );
        let nothing = line("seed 7", Duration::ZERO, Duration::ZERO, &Told::default(), true);
        assert_eq!(nothing, "seed 7: [----------------] 0 of 0 s, beginning; 0 sends ok, 0 events heard");
    }
}
