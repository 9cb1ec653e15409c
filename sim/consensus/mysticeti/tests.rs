//! Mysticeti by its rules.
