//! TODO console
