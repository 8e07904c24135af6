//! Bilinear resizing of planes.

/// Where the output's pixels stand on the input's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corners {
    /// Corner pixels lie on each other.
    Aligned,
    /// The edges of corner pixels do: as PyTorch's `align_corners=False` and OpenCV.
    NotAligned,
}

/// Planes of `from` (rows, columns) as planes of `to`.
#[must_use]
pub fn bilinear(planes: &[f32], from: [usize; 2], to: [usize; 2], corners: Corners) -> Vec<f32> {
    let (rows, columns) = (taps(from[0], to[0], corners), taps(from[1], to[1], corners));
    let mut resized = Vec::with_capacity(planes.len() / (from[0] * from[1]) * to[0] * to[1]);
    for plane in planes.chunks_exact(from[0] * from[1]) {
        for &(y, below) in &rows {
            let upper = &plane[y * from[1]..][..from[1]];
            let lower = &plane[(y + 1).min(from[0] - 1) * from[1]..][..from[1]];
            for &(x, right) in &columns {
                let next = (x + 1).min(from[1] - 1);
                let above = upper[x] + right * (upper[next] - upper[x]);
                let under = lower[x] + right * (lower[next] - lower[x]);
                resized.push(above + below * (under - above));
            }
        }
    }
    resized
}

/// Planes of `from` (rows, columns) as planes of `to`, each pixel that of the place it falls on, as PyTorch's "nearest".
#[must_use]
pub fn nearest(planes: &[f32], from: [usize; 2], to: [usize; 2]) -> Vec<f32> {
    let mut resized = Vec::with_capacity(planes.len() / (from[0] * from[1]) * to[0] * to[1]);
    for plane in planes.chunks_exact(from[0] * from[1]) {
        for y in 0..to[0] {
            let row = &plane[y * from[0] / to[0] * from[1]..][..from[1]];
            resized.extend((0..to[1]).map(|x| row[x * from[1] / to[1]]));
        }
    }
    resized
}

/// For each output pixel the input pixel before it and the share of the one after.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positions lie within the input's extent"
)]
fn taps(from: usize, to: usize, corners: Corners) -> Vec<(usize, f32)> {
    (0..to)
        .map(|index| {
            let position = match corners {
                Corners::Aligned if to == 1 => 0.0,
                Corners::Aligned => index as f64 * (from - 1) as f64 / (to - 1) as f64,
                Corners::NotAligned => (index as f64 + 0.5) * from as f64 / to as f64 - 0.5,
            };
            let position = position.clamp(0.0, (from - 1) as f64);
            let before = position.floor();
            (before as usize, (position - before) as f32)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_stays_a_ramp_and_corners_stand_where_they_should() {
        let aligned = bilinear(&[0.0, 3.0], [1, 2], [1, 4], Corners::Aligned);
        for (value, expected) in aligned.iter().zip([0.0, 1.0, 2.0, 3.0]) {
            assert!((value - expected).abs() < 1e-6);
        }
        // PyTorch: interpolate([0, 4], size=4, align_corners=False) = [0, 1, 3, 4].
        let loose = bilinear(&[0.0, 4.0], [2, 1], [4, 1], Corners::NotAligned);
        assert_eq!(loose, [0.0, 1.0, 3.0, 4.0]);
    }

    #[test]
    fn the_nearest_pixel_is_the_one_a_place_falls_on() {
        let resized = nearest(&[1.0, 2.0, 3.0], [1, 3], [1, 7]);
        assert_eq!(resized, [1.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
        assert_eq!(
            nearest(&[1.0, 2.0], [2, 1], [3, 2]),
            [1.0, 1.0, 1.0, 1.0, 2.0, 2.0]
        );
    }

    #[test]
    fn the_same_size_changes_nothing() {
        let values = [1.0, -2.0, 3.0, 4.0, 5.0, 6.0, 0.0, 1.0, 2.0, 7.0, 8.0, 9.0];
        for corners in [Corners::Aligned, Corners::NotAligned] {
            assert_eq!(bilinear(&values, [2, 3], [2, 3], corners), values);
        }
    }
}
