//! What is asked for and has not come, has come, or cannot come.

use crate::lake::LakeError;
use crate::model::text::one_line;
use crate::ops::GateError;
use crate::rows::RowsError;

use super::msg::RequestId;

/// Something that is asked for.
#[derive(Debug, Default)]
pub(super) enum Load<T> {
    #[default]
    Idle,
    Waiting(RequestId),
    Ready(T),
    Failed(Fault),
    Cancelled,
}

/// A failure made fit to show: object and fault in one, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub what: String,
    pub hint: String,
}

impl From<&RowsError> for Fault {
    fn from(error: &RowsError) -> Self {
        let hint = match error {
            RowsError::Lake(lake) => lake.hint.clone(),
            RowsError::Unreadable { .. } => {
                "the object is damaged or of another kind; Y copies the entry's address".into()
            }
            RowsError::NoRows { .. } => "d shows what lies there instead".into(),
            RowsError::NoColumn { .. } => ":columns alone shows all; tab completes names".into(),
            RowsError::Halted => String::new(),
            RowsError::Filter(_) => ":where alone shows all rows; tab completes column names".into(),
        };
        Self { what: one_line(&error.to_string(), 2000), hint: one_line(&hint, 400) }
    }
}

impl From<&GateError> for Fault {
    fn from(error: &GateError) -> Self {
        Self { what: one_line(&error.to_string(), 2000), hint: one_line(&error.hint(), 400) }
    }
}

impl From<&LakeError> for Fault {
    fn from(error: &LakeError) -> Self {
        Self { what: one_line(&error.to_string(), 2000), hint: one_line(&error.hint, 400) }
    }
}
