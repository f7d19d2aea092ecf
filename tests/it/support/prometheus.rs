use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::http;
use super::wait::{PATIENCE, free_address, wait_for};

/// How a Prometheus is to scrape.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The program; `prometheus` on the path where empty.
    pub program: OsString,
    pub flags: Vec<&'static str>,
    /// Lines of the scrape configuration.
    pub scrape: Vec<&'static str>,
    /// Between two scrapes; a second where empty.
    pub interval: &'static str,
}

/// A Prometheus that scrapes one exporter every second. Killed when it is dropped.
#[derive(Debug)]
pub struct Prometheus {
    process: std::process::Child,
    address: SocketAddr,
    log: PathBuf,
    /// The targets that come and go.
    targets: PathBuf,
}

impl Prometheus {
    /// `folder` is its own: it keeps its configuration, its data and its log there.
    pub fn start(folder: &Path, target: SocketAddr, options: &Options) -> Self {
        std::fs::create_dir_all(folder).expect("a folder of this test");
        let config = folder.join("prometheus.yml");
        let interval = if options.interval.is_empty() { "1s" } else { options.interval };
        let targets = folder.join("targets.json");
        let mut text = format!(
            "global: {{scrape_interval: {interval}, scrape_timeout: {interval}}}\n\
             scrape_configs:\n- job_name: wolkvox\n  static_configs: [{{targets: ['{target}']}}]\n  \
             file_sd_configs: [{{files: ['{}'], refresh_interval: 1s}}]\n",
            targets.display()
        );
        for line in &options.scrape {
            text.push_str(&format!("  {line}\n"));
        }
        std::fs::write(&config, text).expect("a folder of this test");
        let address = free_address();
        let log = folder.join("prometheus.log");
        let program = if options.program.is_empty() { "prometheus".into() } else { options.program.clone() };
        let process = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .args(&options.flags)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).expect("a folder of this test"))
            .spawn()
            .expect("prometheus is needed: install Debian's package prometheus");
        let mut prometheus = Self { process, address, log, targets };
        wait_for("Prometheus to be ready", PATIENCE, || {
            if let Ok(Some(status)) = prometheus.process.try_wait() {
                panic!("Prometheus has ended with {status}:\n{}", prometheus.said());
            }
            match http::get(address, "/-/ready", &[]) {
                Ok(response) if response.status == 200 => Ok(()),
                _ => Err(prometheus.said()),
            }
        });
        prometheus
    }

    /// Scrapes these besides from now on (some seconds later), whether somebody is there or not, and none that were named before.
    pub fn look_for(&self, targets: &[SocketAddr]) {
        let targets: Vec<_> = targets.iter().map(SocketAddr::to_string).collect();
        let new = self.targets.with_extension("new");
        let list = serde_json::json!([{ "targets": targets }]);
        std::fs::write(&new, list.to_string()).expect("a folder of this test");
        std::fs::rename(new, &self.targets).expect("a folder of this test");
    }

    /// Its log so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The values of each series of a range selector, in their order, and no series twice.
    pub fn samples(&self, selector: &str) -> Vec<Vec<f64>> {
        let results = self.ask(selector, None);
        let number = |sample: &Value| sample[1].as_str().and_then(|value| value.parse().ok()).expect("a number");
        let values = |result: &Value| result["values"].as_array().expect("a matrix").iter().map(number).collect();
        results.iter().map(values).collect()
    }

    /// The result of an instant query at a second since 1970 or now: `skill_id`, empty where there is none, and value.
    pub fn query(&self, query: &str, at: Option<f64>) -> Vec<(String, f64)> {
        let results = self.ask(query, at);
        let value = |result: &Value| {
            let value = result["value"][1].as_str().and_then(|value| value.parse().ok()).expect("a number");
            (result["metric"]["skill_id"].as_str().unwrap_or_default().to_owned(), value)
        };
        results.iter().map(value).collect()
    }

    /// How many scrapes failed though the answer came in time: those of a busy machine may come too late.
    pub fn refused(&self) -> f64 {
        let failed = "sum(count_over_time((up == 0 and scrape_duration_seconds < 0.9)[5m:200ms])) or vector(0)";
        self.query(failed, None)[0].1
    }

    fn ask(&self, query: &str, at: Option<f64>) -> Vec<Value> {
        let mut path = "/api/v1/query?query=".to_owned();
        for byte in query.bytes() {
            path.push_str(&format!("%{byte:02x}"));
        }
        if let Some(at) = at {
            path.push_str(&format!("&time={at:.3}"));
        }
        let response = http::get(self.address, &path, &[]).expect("Prometheus answers");
        let answer: Value = serde_json::from_slice(&response.body).expect("JSON");
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"].as_array().expect("a list").clone()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
