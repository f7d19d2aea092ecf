//! All integration tests, one module per part; helpers that several share are in `support`.

mod cli;
//! The tests of the whole, through the library's public face and real sockets.

mod web;
