//! A wolkvox server of one's own, for trials and tests.
