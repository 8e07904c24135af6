//! Occlusion: what the answer loses when a window of the picture is covered.

use super::Settings;
use super::subject::{Subject, Sums};
use crate::error::{Error, Result};
use crate::tensor::{Shape, Tensor};

/// The mean over the windows that cover a pixel of f(x) − f(x with the window covered), equal over channels. Windows stand
/// at 0, stride, 2 · stride … until the picture is covered, the last one clipped.
pub async fn occlusion(subject: &Subject<'_>, settings: &Settings) -> Result<Tensor> {
    let shape = subject.shape();
    let windows = windows(shape, settings)?;
    let fill = settings.fill.pictures(subject.images, settings.seed)?;
    let whole = subject.answers().await?;
    let mut sums = Sums::new(shape);
    let mut counts = Sums::new(Shape::new(shape.n(), 1, shape.h(), shape.w()));
    let mean = |sums: &Sums, counts: &Sums| {
        sums.map(|index, sum| {
            let (picture, pixel) = (index / shape.picture(), index % shape.plane());
            sum / counts.at(picture * shape.plane() + pixel).max(1.0)
        })
    };
    let fill_of = |picture: usize| &fill.data()[picture * shape.picture()..][..shape.picture()];
    let mut sweep = subject.values(windows.len(), |window, picture, x| {
        let fill = fill_of(picture);
        for pixel in windows[window].pixels(shape) {
            for channel in 0..shape.c() {
                let index = channel * shape.plane() + pixel;
                x[index] = fill[index];
            }
        }
    });
    while let Some((batch, answers)) = sweep.next().await? {
        for (&(window, picture), answer) in batch.rows.iter().zip(answers) {
            // Covering with what is there already loses nothing; two batches of a GPU may round it otherwise.
            let loss = if windows[window].covers(shape, subject.picture(picture), fill_of(picture))
            {
                f64::from(whole[picture]) - f64::from(answer)
            } else {
                0.0
            };
            for pixel in windows[window].pixels(shape) {
                counts.of(picture)[pixel] += 1.0;
                for channel in 0..shape.c() {
                    sums.of(picture)[channel * shape.plane() + pixel] += loss;
                }
            }
        }
        subject.report(&batch, || mean(&sums, &counts).ok());
    }
    mean(&sums, &counts)
}

/// Rows and columns of a window.
struct Window {
    rows: std::ops::Range<usize>,
    columns: std::ops::Range<usize>,
}

impl Window {
    /// Its pixels' positions in a plane.
    fn pixels(&self, shape: Shape) -> impl Iterator<Item = usize> + use<> {
        let (columns, width) = (self.columns.clone(), shape.w());
        self.rows
            .clone()
            .flat_map(move |y| columns.clone().map(move |x| y * width + x))
    }

    /// Whether it covers anything: whether the picture and what it is filled with differ there.
    fn covers(&self, shape: Shape, picture: &[f32], fill: &[f32]) -> bool {
        let plane = shape.plane();
        self.pixels(shape).any(|pixel| {
            (0..shape.c()).any(|channel| {
                let index = channel * plane + pixel;
                picture[index] != fill[index]
            })
        })
    }
}

fn windows(shape: Shape, settings: &Settings) -> Result<Vec<Window>> {
    let extents = [shape.h(), shape.w()];
    let side = ((shape.h().min(shape.w()) as f32 / 7.0).round() as usize).max(1);
    let size = settings.window.unwrap_or([side, side]);
    let stride = settings.stride.unwrap_or(size.map(|size| size.div_ceil(2)));
    for axis in 0..2 {
        if size[axis] == 0 || size[axis] > extents[axis] {
            return Err(Error::bad_argument(format!(
                "the window of {} x {} must be from 1 pixel to the picture's {} x {}",
                size[0], size[1], extents[0], extents[1]
            )));
        }
        if stride[axis] == 0 || stride[axis] > size[axis] {
            return Err(Error::bad_argument(format!(
                "the stride of {} x {} must be from 1 to the window's {} x {}, or pixels are left out",
                stride[0], stride[1], size[0], size[1]
            )));
        }
    }
    let [rows, columns] = [0, 1].map(|axis| {
        let count = (extents[axis] - size[axis]).div_ceil(stride[axis]) + 1;
        (0..count)
            .map(|step| {
                let start = step * stride[axis];
                start..(start + size[axis]).min(extents[axis])
            })
            .collect::<Vec<_>>()
    });
    Ok(rows
        .iter()
        .flat_map(|rows| {
            columns.iter().map(|columns| Window {
                rows: rows.clone(),
                columns: columns.clone(),
            })
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(extent: usize, window: usize, stride: usize) -> Vec<(usize, usize)> {
        let settings = Settings {
            window: Some([1, window]),
            stride: Some([1, stride]),
            ..Settings::default()
        };
        let windows = windows(Shape::new(1, 1, 1, extent), &settings).expect("they fit");
        let spans = windows.iter().map(|w| (w.columns.start, w.columns.end));
        spans.collect()
    }

    #[test]
    fn windows_cover_the_picture_and_the_last_is_clipped() {
        assert_eq!(spans(8, 4, 2), [(0, 4), (2, 6), (4, 8)]);
        assert_eq!(spans(7, 3, 3), [(0, 3), (3, 6), (6, 7)]);
        assert_eq!(spans(7, 7, 7), [(0, 7)]);
        assert_eq!(spans(3, 1, 1), [(0, 1), (1, 2), (2, 3)]);
    }

    #[test]
    fn a_window_covers_what_its_fill_would_change() {
        let shape = Shape::new(1, 2, 3, 3);
        let window = Window {
            rows: 0..2,
            columns: 1..3,
        };
        let fill = [0.0; 18];
        let changed = |index: usize| {
            let mut picture = fill;
            picture[index] = 0.1;
            window.covers(shape, &picture, &fill)
        };
        assert!(!window.covers(shape, &fill, &fill));
        // Of each channel's 3x3 values it covers these.
        for index in 0..18 {
            assert_eq!(changed(index), [1, 2, 4, 5].contains(&(index % 9)));
        }
    }

    #[test]
    fn windows_out_of_range_are_refused() {
        for (window, stride) in [
            ([0, 1], [1, 1]),
            ([29, 1], [1, 1]),
            ([4, 4], [5, 4]),
            ([4, 4], [0, 1]),
        ] {
            let settings = Settings {
                window: Some(window),
                stride: Some(stride),
                ..Settings::default()
            };
            assert!(windows(Shape::new(1, 1, 28, 28), &settings).is_err());
        }
    }
}
