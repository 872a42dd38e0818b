//! How a row of the command table is written.

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

pub(super) use spec;
