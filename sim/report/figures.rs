//! Figures on their way into a folder: as SVG, and as PNG from the same drawing.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::experiment::place_file;

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
    let fig = folder.join("fig");
    figures.iter().map(|figure| place(&fig, &format!("{}.svg", figure.name), figure.svg.as_bytes())).collect()
}

/// Writes `figures` into `folder/fig` as SVG and as PNG; returns the SVGs.
pub(super) fn write_both(folder: &Path, figures: &[Figure]) -> Result<Vec<PathBuf>, ReportError> {
    let pictures: Vec<Vec<u8>> = figures.par_iter().map(|figure| png(&figure.svg)).collect();
    let written = write_svg(folder, figures)?;
    let fig = folder.join("fig");
    for (figure, picture) in figures.iter().zip(pictures) {
        place(&fig, &format!("{}.png", figure.name), &picture)?;
    }
    Ok(written)
}

/// Writes a file whole or not at all; returns its path.
pub(super) fn place(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, ReportError> {
    place_file(folder, name, bytes).map_err(ReportError::Unwritable)?;
    Ok(folder.join(name))
}
