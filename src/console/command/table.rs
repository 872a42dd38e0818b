//! The rows of the command table.

use std::sync::LazyLock;

use super::Spec;

mod acting;
mod around;
mod incident;
mod looking;

/// Every command, in the order of the `?` list.
pub(in crate::console) static COMMANDS: LazyLock<Vec<Spec>> = LazyLock::new(|| {
    let mut all = looking::rows();
    all.extend(acting::rows());
    all.extend(incident::rows());
    all.extend(around::rows());
    all
});
