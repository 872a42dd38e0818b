//! The rows of the command table.

use std::sync::LazyLock;

use super::Spec;

macro_rules! spec {
    ($command:ident, $name:literal, $aliases:expr, $args:literal, $place:literal, $doc:literal, $enabled:expr) => {
        spec!($command, $name, $aliases, $args, $place, $doc, $enabled, never_hinted)
    };
    ($command:ident, $name:literal, $aliases:expr, $args:literal, $place:literal, $doc:literal, $enabled:expr, $hint:expr) => {
        Spec {
            command: Command::$command,
            name: $name,
            aliases: &$aliases,
            args: $args,
            doc: $doc,
            place: $place,
            enabled: $enabled,
            hint: $hint,
        }
    };
}

mod acting;
mod around;
mod looking;

/// Every command, in the order of the `?` list.
pub(in crate::console) static COMMANDS: LazyLock<Vec<Spec>> = LazyLock::new(|| {
    let mut all = looking::rows();
    all.extend(acting::rows());
    all.extend(around::rows());
    all
});
