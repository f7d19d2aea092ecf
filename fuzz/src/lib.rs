//! What the fuzz targets run: the places where bytes from outside become something of ours, each through the door that the
//! exporter itself uses. `tests/it/corpus.rs` sends the corpus through the same functions.

mod answer;
mod configuration;
mod dates;
mod envelope;
mod headers;
mod judge;
mod negotiation;
mod redaction;
mod requests;
mod response;
mod server_time;
mod strict;
mod web_config;

pub use answer::{answer, row};
pub use configuration::configuration;
pub use dates::dates;
pub use envelope::envelope;
pub use headers::headers;
pub use negotiation::negotiation;
pub use redaction::redaction;
pub use requests::requests;
pub use response::{response, token_info};
pub use server_time::server_time;
pub use web_config::web_config;

/// Panics where the bytes lead to something that must never be.
pub type Target = fn(&[u8]);

/// By the name of the target and of the folder with its corpus.
pub const TARGETS: [(&str, Target); 13] = [
    ("answer", answer),
    ("configuration", configuration),
    ("dates", dates),
    ("envelope", envelope),
    ("headers", headers),
    ("negotiation", negotiation),
    ("redaction", redaction),
    ("requests", requests),
    ("response", response),
    ("row", row),
    ("server_time", server_time),
    ("token_info", token_info),
    ("web_config", web_config),
];
