//! The paths that the HTTP server answers besides that of the metrics, which is configured and can be none of these.

pub const PAGE: &str = "/";
pub const HEALTHY: &str = "/-/healthy";
pub const READY: &str = "/-/ready";
/// Answered only with `--web.enable-lifecycle`.
pub const RELOAD: &str = "/-/reload";

pub const RESERVED: [&str; 4] = [PAGE, HEALTHY, READY, RELOAD];
