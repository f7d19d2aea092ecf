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
            "Whether the configuration could be loaded when it was last read.",
        )?;
        loaded.set(1);
        let loaded_at = Gauge::new(
            "wolkvox_exporter_config_last_reload_success_timestamp_seconds",
            "When the configuration was last loaded.",
        )?;
        loaded_at.set(started.as_millisecond() as f64 / 1_000.0);

        let collectors: [Box<dyn Collector>; 4] =
            [Box::new(build), Box::new(loaded), Box::new(loaded_at), Box::new(ProcessCollector::for_self())];
        for collector in collectors {
            registry.register(collector)?;
        }
        Ok(Self { registry })
    }

    pub fn families(&self) -> Vec<Family> {
        registry::gather(&self.registry)
    }
}
