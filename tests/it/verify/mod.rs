//! The end of an incident: the five checks at each of their verdicts, the whole story on the demo's lake, and events of
//! two processes at once.

mod checks;
mod console;
mod on_s3;
mod story;
mod two_processes;
