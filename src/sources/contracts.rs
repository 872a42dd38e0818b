//! Contract files, on the lake.
