//! Spark as EMR Serverless runs it: what `spark-submit` is given, amounts of memory, workers that there are, and what a
//! change of all of these comes to.

pub mod edit;
pub mod memory;
pub mod resources;
pub mod submit;
pub mod worker;
