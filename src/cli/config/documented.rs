//! What each key of the configuration is for, written where the key is declared: one line of documentation, which the
//! compiler, readers of the source and `lakeward init --reference` all take from there.
//!
//! A line says what the key does. `; default: …` at its end says what is taken without it where that is not one value,
//! and `[rows]` behind it in what a bare number is counted.

/// The lines of one table, in the order of its keys.
#[derive(Debug, Clone, Copy)]
pub struct Documentation {
    /// The type that is read.
    pub table: &'static str,
    /// What the table is.
    pub about: &'static str,
    /// What each key is for.
    pub keys: &'static [&'static str],
}

/// Declares a table whose every key has its line; one without does not compile.
macro_rules! documented {
    (
        #[doc = $about:literal]
        $(#[$on:meta])*
        pub struct $table:ident {
            $(#[doc = $doc:literal] $(#[$with:meta])* pub $key:ident: $kind:ty,)*
        }
    ) => {
        #[doc = $about]
        $(#[$on])*
        pub struct $table {
            $(#[doc = $doc] $(#[$with])* pub $key: $kind,)*
        }

        impl $table {
            /// What each key is for.
            pub const DOCUMENTATION: $crate::cli::config::documented::Documentation =
                $crate::cli::config::documented::Documentation {
                    table: stringify!($table),
                    about: $about,
                    keys: &[$($doc),*],
                };
        }
    };
}

pub(super) use documented;
