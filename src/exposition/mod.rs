//! What Prometheus reads: a neutral model of metric families, and one encoder per format.

pub mod model;
