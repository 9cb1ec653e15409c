//! Why there is no figure: which file, and what is wrong with it.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why there is no figure. Each message is one line that names the file.
#[derive(Debug, Error)]
pub enum ReportError {
    /// The file cannot be read.
    #[error("{}: cannot read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no result of its kind.
    #[error("{}: {what}", path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// What is wrong, with the row or key where there is one.
        what: String,
    },
    /// The figure cannot be written.
    #[error("{}: cannot write: {source}", path.display())]
    Unwritable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl ReportError {
    /// `what` is wrong with the content of the file at `path`.
    pub(super) fn invalid(path: &Path, what: impl ToString) -> ReportError {
        ReportError::Invalid { path: path.to_path_buf(), what: what.to_string() }
    }
}
