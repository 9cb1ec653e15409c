//! Why there is no figure: which file, and what is wrong with it.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::experiment::StoreError;

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
    /// The folder holds nothing that a report is made of.
    #[error("{}: neither sweep.json nor manifest.json is there; name the folder of a sweep or a run", path.display())]
    NoResults {
        /// Which folder.
        path: PathBuf,
    },
    /// A point is not what was written.
    #[error("point {}: {source}{}", id(path), remedy(source))]
    Point {
        /// Its folder.
        path: PathBuf,
        /// What is wrong.
        source: StoreError,
    },
    /// A run is not what was written.
    #[error(transparent)]
    Run(StoreError),
    /// The limits are of something else.
    #[error("{}: {what}", path.display())]
    OtherLimits {
        /// Which file.
        path: PathBuf,
        /// In what they differ, and what to do.
        what: String,
    },
    /// What was made cannot be written.
    #[error("cannot write {0}")]
    Unwritable(StoreError),
}

impl ReportError {
    /// The point in that folder cannot be read.
    pub(super) fn point(path: &Path, source: StoreError) -> ReportError {
        ReportError::Point { path: path.into(), source }
    }

    /// `what` is wrong with the content of the file at `path`.
    pub(super) fn invalid(path: &Path, what: impl ToString) -> ReportError {
        ReportError::Invalid { path: path.to_path_buf(), what: what.to_string() }
    }
}

/// What to do about a point, unless its error says so.
fn remedy(source: &StoreError) -> &'static str {
    if source.to_string().ends_with("again") { "" } else { "; the same `systole sweep` computes it again" }
}

/// What a point's folder is called.
fn id(folder: &Path) -> String {
    folder.file_name().map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into_owned())
}
