//! The median filter.

/// A plane `[rows, columns]` whose every pixel is the median of the `window` × `window` pixels around it, the one more of an
/// even side above and to the left, the upper of two middle ones; beyond its edges the plane is mirrored.
#[must_use]
pub fn median(plane: &[f32], [rows, columns]: [usize; 2], window: usize) -> Vec<f32> {
    let mut values = Vec::with_capacity(window * window);
    let mut filtered = Vec::with_capacity(plane.len());
    for y in 0..rows {
        for x in 0..columns {
            values.clear();
            for down in 0..window {
                let row = mirrored(y + down, window / 2, rows) * columns;
                values.extend(
                    (0..window).map(|right| plane[row + mirrored(x + right, window / 2, columns)]),
                );
            }
            let middle = values.len() / 2;
            filtered.push(*values.select_nth_unstable_by(middle, f32::total_cmp).1);
        }
    }
    filtered
}

/// `position − back` with the line … 1 0 | 0 1 … n−1 | n−1 n−2 …
fn mirrored(position: usize, back: usize, length: usize) -> usize {
    let period = 2 * length;
    let place = (position + back.div_ceil(period) * period - back) % period;
    place.min(period - 1 - place)
}
