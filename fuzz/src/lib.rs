//! What the fuzz targets run: the places where bytes from outside become something of ours, each through the door that the
//! exporter itself uses. `tests/it/corpus.rs` sends the corpus through the same functions.

mod answer;
mod configuration;
mod requests;
mod response;
mod server_time;

pub use answer::{answer, row};
pub use configuration::configuration;
pub use requests::requests;
pub use response::{headers, response, token_info};
pub use server_time::server_time;

/// Panics where the bytes lead to something that must never be.
pub type Target = fn(&[u8]);

/// By the name of the target and of the folder with its corpus.
pub const TARGETS: [(&str, Target); 8] = [
    ("answer", answer),
    ("configuration", configuration),
    ("headers", headers),
    ("requests", requests),
    ("response", response),
    ("row", row),
    ("server_time", server_time),
    ("token_info", token_info),
];
