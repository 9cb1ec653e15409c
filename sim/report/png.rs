//! The figures' SVG as PNG: the same drawing, rasterised, its text in a font that comes along.
//!
//! Arimo has the widths of Arial and Helvetica, which `sans-serif` is for most readers of the SVGs: labels are as
//! long in both. No font of the host is looked at, so that the pixels are the same everywhere.

use std::sync::{Arc, OnceLock};

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::Database;
use resvg::usvg::{Options, Tree};

const REGULAR: &[u8] = include_bytes!("fonts/Arimo-Regular.ttf");
const BOLD: &[u8] = include_bytes!("fonts/Arimo-Bold.ttf");
/// Pixels of a PNG for one of the SVG: 1,800 are six inches at 300 dots an inch.
const SCALE: f32 = 2.0;

fn fonts() -> Arc<Database> {
    static FONTS: OnceLock<Arc<Database>> = OnceLock::new();
    let load = || {
        let mut fonts = Database::new();
        fonts.load_font_data(REGULAR.to_vec());
        fonts.load_font_data(BOLD.to_vec());
        fonts.set_sans_serif_family("Arimo");
        Arc::new(fonts)
    };
    FONTS.get_or_init(load).clone()
}

/// Rasterises one of our own figures.
pub(super) fn png(svg: &str) -> Vec<u8> {
    let options = Options { fontdb: fonts(), font_family: "Arimo".into(), ..Options::default() };
    let tree = Tree::from_str(svg, &options).expect("a figure that we drew is SVG");
    let size = tree.size();
    let mut pixels = Pixmap::new((size.width() * SCALE) as u32, (size.height() * SCALE) as u32)
        .expect("a figure is neither empty nor of millions of pixels");
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().expect("encoding to memory does not fail")
}
