//! The metrics of this process for Prometheus, on an address of their own.

use std::time::Duration;

use chat_http::{Server, text_page};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};
use tokio::{net::TcpListener, time::interval};

use crate::log;

/// The upper bounds of histograms in seconds.
const SECONDS: [f64; 12] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
/// The upper bounds of histograms of counts.
const COUNTS: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0];
/// How often measurements are aggregated while nobody scrapes them.
const UPKEEP: Duration = Duration::from_secs(5);

/// Installs the recorder, and serves the metrics for as long as the process runs.
pub(crate) fn start(listener: TcpListener) -> Result<(), BuildError> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_messages".to_owned()), &COUNTS)?
        .install_recorder()?;
    log::measure();
    let upkeep = recorder.clone();
    tokio::spawn(async move {
        let mut ticks = interval(UPKEEP);
        loop {
            ticks.tick().await;
            upkeep.run_upkeep();
        }
    });
    let page = text_page("/metrics", "text/plain; version=0.0.4; charset=utf-8", move || recorder.render());
    tokio::spawn(Server::new(listener).run(page, std::future::pending(), async {}));
    Ok(())
}
