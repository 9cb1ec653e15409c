//! stub
use std::path::{Path, PathBuf};
/// e
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct ReportError;
/// f
pub fn figures_of_run(_: &Path) -> Result<Vec<PathBuf>, ReportError> {
    Ok(vec![])
}
/// f
pub fn figures_of_limit(_: &Path) -> Result<Vec<PathBuf>, ReportError> {
    Ok(vec![])
}
