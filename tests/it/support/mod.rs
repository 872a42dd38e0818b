//! What the stories need: the program, a terminal, an S3 server, a web server.

pub mod fake_airflow;
pub mod fake_aws;
pub mod http_server;
pub mod kills;
pub mod memory;
pub mod program;
pub mod python;
pub mod rust_paths;
pub mod s3_server;
pub mod services;
pub mod terminal;
