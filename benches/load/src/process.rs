//! What a process took of the machine, as Linux tells it.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use crate::Result;

/// A process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

/// What it took until now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    /// How often its threads were switched.
    pub(crate) switches: u64,
    pub(crate) memory_kb: u64,
}

/// Ticks per second in `/proc`, the same on every machine of today (`getconf CLK_TCK`).
const TICKS: u32 = 100;
/// How long a server may have something to do when nothing more is asked of it: ten million messages to index, for example.
const SETTLE_PATIENCE: Duration = Duration::from_secs(1_800);

impl Process {
    /// What it took until now.
    pub(crate) fn usage(self) -> Result<Usage> {
        let pid = self.0;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name, in parentheses, may have spaces.
        let fields: Vec<_> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<u32>().ok()).ok_or("no ticks");
        let mut switches = 0;
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            // One that has just ended has no file any more.
            let status = fs::read_to_string(task?.path().join("status")).unwrap_or_default();
            switches +=
                number(&status, "\nvoluntary_ctxt_switches:") + number(&status, "\nnonvoluntary_ctxt_switches:");
        }
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let cpu = Duration::from_secs(1) * (ticks(11)? + ticks(12)?) / TICKS;
        Ok(Usage { cpu, switches, memory_kb: number(&status, "\nVmRSS:") })
    }

    /// Waits until it has next to nothing to do.
    pub(crate) fn settle(self) -> Result {
        let deadline = Instant::now() + SETTLE_PATIENCE;
        loop {
            let before = self.usage()?;
            thread::sleep(Duration::from_secs(1));
            if self.usage()?.since(before).cpu <= Duration::from_millis(10) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err("the server still has something to do".into());
            }
        }
    }
}

impl Usage {
    /// What it took since then. Memory is what it has now.
    pub(crate) fn since(self, then: Self) -> Self {
        let switches = self.switches.saturating_sub(then.switches);
        Self { cpu: self.cpu.saturating_sub(then.cpu), switches, ..self }
    }
}

fn number(status: &str, name: &str) -> u64 {
    let rest = status.split(name).nth(1).unwrap_or_default();
    rest.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}
