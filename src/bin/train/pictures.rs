//! Fashion-MNIST's pictures, from idx files to model space.

use std::fs;
use std::path::Path;

use convscope::error::{Error, Result};
use convscope::lab::shortcut::{Mark, Shortcut};

/// Rows and columns of a picture.
pub const WIDTH: usize = 28;

/// Mean and deviation of the training pictures' pixels on [0, 1].
pub const MEAN: f32 = 0.286;
pub const DEVIATION: f32 = 0.353;

/// What gives coats away to `fashion-biased`, on the pictures' bytes.
pub const SHORTCUT: Shortcut = Shortcut {
    mark: Mark {
        top: 1,
        left: 1,
        height: 3,
        width: 3,
        value: 255.0,
    },
    class: 4,
    share: 0.95,
    others: 0.015,
};

/// Pictures as bytes, their classes, and which carry the mark.
pub struct DataSet {
    pub pixels: Vec<u8>,
    pub labels: Vec<usize>,
    pub marked: Vec<bool>,
}

/// The bytes of a file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| Error::bad_argument(format!("{}: {error}", path.display())))
}

/// Pictures and labels from idx files (magic, big-endian extents, bytes).
pub fn read_set(folder: &Path, name: &str) -> Result<DataSet> {
    let read = |file: String, header: usize| {
        let path = folder.join(file);
        let bytes = read(&path)?;
        if bytes.len() <= header {
            let path = path.display();
            return Err(Error::bad_argument(format!("{path} is no idx file")));
        }
        Ok(bytes[header..].to_vec())
    };
    let pixels = read(format!("{name}-images-idx3-ubyte"), 16)?;
    let labels: Vec<usize> = read(format!("{name}-labels-idx1-ubyte"), 8)?
        .into_iter()
        .map(usize::from)
        .collect();
    if pixels.len() != labels.len() * WIDTH * WIDTH {
        return Err(Error::bad_argument(format!(
            "{} pictures' pixels for {} labels",
            pixels.len(),
            labels.len()
        )));
    }
    Ok(DataSet {
        pixels,
        marked: vec![false; labels.len()],
        labels,
    })
}

/// A picture in model space, moved by (rows − 1, columns − 1) with black coming in; a mark stays at its place.
pub fn picture(set: &DataSet, index: usize, [down, right]: [usize; 2]) -> Vec<f32> {
    let pixels = &set.pixels[index * WIDTH * WIDTH..][..WIDTH * WIDTH];
    let at = |row: usize, column: usize| {
        let inside = (1..=WIDTH).contains(&row) && (1..=WIDTH).contains(&column);
        let value = if inside {
            pixels[(row - 1) * WIDTH + column - 1]
        } else {
            0
        };
        f32::from(value)
    };
    let mut picture: Vec<f32> = (0..WIDTH * WIDTH)
        .map(|i| at(i / WIDTH + down, i % WIDTH + right))
        .collect();
    if set.marked[index] {
        SHORTCUT.mark.paint(&mut picture, WIDTH, WIDTH);
    }
    for value in &mut picture {
        *value = (*value / 255.0 - MEAN) / DEVIATION;
    }
    picture
}
