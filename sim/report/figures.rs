//! Figures on their way into a folder: as SVG, and as PNG from the same drawing.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::ReportError;
use super::png::png;

/// A figure that is drawn.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    /// Name of its file, without extension.
    pub name: String,
    /// The picture.
    pub svg: String,
}

impl Figure {
    pub fn new(name: impl Into<String>, svg: String) -> Figure {
        Figure { name: name.into(), svg }
    }
}

/// Writes `figures` into `folder/fig` as SVG.
pub(super) fn write_svg(folder: &Path, figures: &[Figure]) -> Result<Vec<PathBuf>, ReportError> {
    let files = figures.iter().map(|figure| (format!("{}.svg", figure.name), figure.svg.as_bytes()));
    let fig = made(folder)?;
    files.map(|(name, bytes)| place(&fig, &name, bytes)).collect()
}

/// Writes `figures` into `folder/fig` as SVG and as PNG, drawing these on so many threads; returns the SVGs.
pub(super) fn write_both(folder: &Path, figures: &[Figure], threads: usize) -> Result<Vec<PathBuf>, ReportError> {
    let pictures = super::crew::share(figures, threads, |figure| png(&figure.svg));
    let written = write_svg(folder, figures)?;
    let fig = made(folder)?;
    for (figure, picture) in figures.iter().zip(pictures) {
        place(&fig, &format!("{}.png", figure.name), &picture)?;
    }
    Ok(written)
}

fn made(folder: &Path) -> Result<PathBuf, ReportError> {
    let fig = folder.join("fig");
    fs::create_dir_all(&fig).map_err(|source| ReportError::Unwritable { path: fig.clone(), source })?;
    Ok(fig)
}

/// Writes a file under a temporary name first, so that it is there whole or not at all.
pub(super) fn place(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, ReportError> {
    let (temporary, path) = (folder.join(format!(".{name}.{}", std::process::id())), folder.join(name));
    let written = fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, &path));
    match written {
        Ok(()) => Ok(path),
        Err(source) => {
            // What is left of a failed write is of no use, and the failure itself is what the caller must hear of.
            let _ = fs::remove_file(&temporary);
            Err(ReportError::Unwritable { path, source })
        }
    }
}
