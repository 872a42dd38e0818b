//! TODO demo
