use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Failure;
use super::serve::{LAST_WORDS, print, runtime, stop_on_signal};
use crate::cli::DemoCommand;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{self, Config, OperationConfig, Reports, Server, Start, TokenSource};
use crate::exporter::{Exporter, Reloading, Site};
use crate::shutdown::Shutdown;
use crate::web::Site as _;
use simulator::{Handle, Options, Simulator};

/// The history that the exporter reads at its start.
const HISTORY: Duration = Duration::from_secs(6 * 3_600);

/// Someone who looks at a demo scrapes by hand, and wants to see numbers at once.
const HOLD: Duration = Duration::ZERO;

/// How long the addresses wait for the first numbers, which take some seconds: the README promises them within a minute.
/// Where they don't come, the page says why.
const NUMBERS_WITHIN: Duration = Duration::from_secs(45);

/// Between two looks whether they are there.
const LOOK: Duration = Duration::from_millis(50);

/// Against the measured volume: enough that every few minutes have calls of most skills.
const RATE: f64 = 20.0;

/// Contact centres sleep at night. One of these zones is always in the afternoon, with six busy hours behind it.
const ZONES: [&str; 6] =
    ["America/Bogota", "America/Los_Angeles", "Pacific/Auckland", "Asia/Tokyo", "Asia/Kolkata", "Europe/Madrid"];

/// `demo`: the simulator and the exporter in one process, with a ledger that goes with it unless one is named.
pub fn run(command: DemoCommand) -> Result<(), Failure> {
    let web = config::web(&command.web).map_err(Failure::Configuration)?;
    let (secured, remarks) = super::secured(&command.web).map_err(Failure::Configuration)?;
    remarks.lines().iter().for_each(|remark| tracing::warn!("{remark}"));
    let mut simulator = command.simulator;
    simulator.zone.get_or_insert_with(|| busy_zone(SystemClock.now()).to_owned());
    simulator.rate.get_or_insert(RATE);
    simulator.listen.get_or_insert(SocketAddr::from(([127, 0, 0, 1], 0)));
    let options: Options = simulator.try_into().map_err(Failure::usage)?;

    let temporary = if command.ledger.is_some() { None } else { Some(TemporaryFolder::new()?) };
    let ledger =
        command.ledger.unwrap_or_else(|| temporary.as_ref().map_or_else(PathBuf::new, TemporaryFolder::ledger));
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let (trigger, shutdown) = Shutdown::new();
        let reloading = Reloading::new(None);
        let reloads = reloading.reloads();
        stop_on_signal(trigger, move || reloads.ask())?;
        let simulator = Simulator::start(options).await?;
        let operations = operations(&simulator);
        let exporter = Exporter::start(Config { ledger, operations, web }, secured, reloading).await?;
        let (introduction, site) = (introduction(&simulator, &exporter), exporter.site());
        let mut running = pin!(exporter.run(shutdown));
        let ended = tokio::select! {
            ended = &mut running => ended,
            _ = tokio::time::timeout(NUMBERS_WITHIN, numbers(&site)) => {
                print(introduction);
                running.await
            }
        };
        simulator.shutdown().await;
        ended
    });
    runtime.shutdown_timeout(LAST_WORDS);
    Ok(ended?)
}

/// The simulator's operations as the exporter's configuration has them.
fn operations(simulator: &Handle) -> Vec<OperationConfig> {
    let base_url = simulator.base_url();
    let server = Server { name: simulator.address().to_string(), base_url };
    let simulated = simulator.world().operations.iter();
    let operation = |simulated: &simulator::operation::Operation| OperationConfig {
        reports: Reports { answered: true, totals: true },
        start: Start::History(HISTORY),
        hold: HOLD,
        start_hold: HOLD,
        timezone: simulated.zone().clone(),
        ..OperationConfig::new(
            simulated.name.clone(),
            server.clone(),
            TokenSource::Held(simulated.token().unwrap_or_default().into()),
        )
    };
    simulated.map(operation).collect()
}

/// Waits until each report of each operation has been read.
async fn numbers(site: &Site) {
    loop {
        let operations = site.status().operations;
        if !operations.is_empty() && operations.iter().all(|operation| !operation.last_polls.is_empty()) {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What can be looked at, and the token that was made up.
fn introduction(simulator: &Handle, exporter: &Exporter) -> String {
    let mut text = String::new();
    for address in exporter.addresses() {
        let base_url = base_url(address);
        text += &format!("status page: {base_url}/\nmetrics:     {base_url}{}\n", exporter.telemetry_path());
    }
    text += &format!("simulator:   {}/control/ (the truth, faults, incidents)\n", simulator.base_url());
    for operation in &simulator.world().operations {
        let zone = operation.zone().iana_name().unwrap_or("UTC");
        let token = operation.token().unwrap_or_default();
        text += &format!("operation {} ({zone}): token {token}\n", operation.name);
    }
    text
}

/// An address as a browser on this machine takes it.
fn base_url(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("http://localhost:{}", address.port())
    } else {
        // It has the brackets of an IPv6 address.
        format!("http://{address}")
    }
}

/// The first zone in which it is afternoon.
fn busy_zone(now: Timestamp) -> &'static str {
    let is_afternoon =
        |name: &&str| TimeZone::get(name).is_ok_and(|zone| (13..21).contains(&zone.to_datetime(now).hour()));
    ZONES.into_iter().find(is_afternoon).unwrap_or(ZONES[0])
}

/// A folder of this process, removed with everything in it at the end.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn new() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("wolkvox-exporter-demo-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    fn ledger(&self) -> PathBuf {
        self.0.join("ledger.db")
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "the temporary ledger could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_printed_as_an_url() {
        for (address, url) in [
            ("127.0.0.1:10119", "http://127.0.0.1:10119"),
            ("0.0.0.0:1", "http://localhost:1"),
            ("[::]:1", "http://localhost:1"),
            ("[::1]:1", "http://[::1]:1"),
        ] {
            assert_eq!(base_url(address.parse().unwrap()), url);
        }
    }

    #[test]
    fn it_is_always_afternoon_somewhere() {
        for hour in 0..24 * 366 {
            let now = Timestamp::from_second(1_790_000_000 + hour * 3_600).unwrap();
            let local = TimeZone::get(busy_zone(now)).unwrap().to_datetime(now).hour();
            assert!((13..21).contains(&local), "{now}: {local} h in {}", busy_zone(now));
        }
    }
}
