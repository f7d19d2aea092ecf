use jiff::Timestamp;
use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::{Gauge, IntGauge, Opts, Registry};

use crate::build_info;
use exposition::model::Family;
use exposition::registry;

/// The exporter's metrics of itself, which begin with the process. They have no operation.
#[derive(Debug)]
pub struct Instruments {
    registry: Registry,
    loaded: IntGauge,
    loaded_at: Gauge,
}

impl Instruments {
    pub fn new(started: Timestamp) -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let build = Opts::new("wolkvox_exporter_build_info", "Always 1; the labels say what was built.")
            .const_label("version", build_info::VERSION)
            .const_label("revision", build_info::REVISION)
            .const_label("rustc", build_info::RUSTC);
        let build = IntGauge::with_opts(build)?;
        build.set(1);
        let loaded = IntGauge::new(
            "wolkvox_exporter_config_last_reload_successful",
            "Whether all files of the configuration could be used when they were last read.",
        )?;
        let loaded_at = Gauge::new(
            "wolkvox_exporter_config_last_reload_success_timestamp_seconds",
            "When a file of the configuration was last loaded.",
        )?;

        let collectors: [Box<dyn Collector>; 4] = [
            Box::new(build),
            Box::new(loaded.clone()),
            Box::new(loaded_at.clone()),
            Box::new(ProcessCollector::for_self()),
        ];
        for collector in collectors {
            registry.register(collector)?;
        }
        let this = Self { registry, loaded, loaded_at };
        this.set_loaded(true, started);
        Ok(this)
    }

    /// Whether the configuration in the files is the one in force, and since when that one is.
    pub fn set_loaded(&self, good: bool, at: Timestamp) {
        self.loaded.set(good.into());
        self.loaded_at.set(at.as_millisecond() as f64 / 1_000.0);
    }

    pub fn families(&self) -> Vec<Family> {
        registry::gather(&self.registry)
    }
}
