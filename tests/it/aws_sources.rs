//! Job runs and logs on AWS: against moto for what it plays right, against our own fake for states, failures, pages
//! and the number of rounds.

mod alarms;
mod athena;
mod call;
mod cloudwatch;
mod emr;
mod glue;
mod live_tail;
mod log_objects;
mod secrets;
