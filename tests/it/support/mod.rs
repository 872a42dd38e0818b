//! What the stories need: the program, a terminal, an S3 server.

pub mod program;
pub mod terminal;
