//! The plan against its tables.
