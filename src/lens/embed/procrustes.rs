//! Maps laid upon each other (Schönemann 1966): turned, mirrored, scaled and shifted, which changes nothing in them.

/// `points` (N × 2, row-major) moved to lie as close to `reference` as turning, mirroring, scaling and shifting allow, and
/// the share of the reference's variation that is left between them, 0 for maps of the same form (scipy's disparity).
#[must_use]
pub fn align(points: &[f32], reference: &[f32]) -> (Vec<f32>, f32) {
    let (points, _) = centred(points);
    let (reference, centre) = centred(reference);
    let square = |list: &[[f64; 2]]| list.iter().flatten().map(|v| v * v).sum::<f64>();
    let (own, other) = (square(&points), square(&reference));
    // M = Σ p rᵀ, whose singular values tell how well a turn, or a turn of the mirror image, can match.
    let mut m = [[0.0; 2]; 2];
    for (p, r) in points.iter().zip(&reference) {
        for i in 0..2 {
            for j in 0..2 {
                m[i][j] += p[i] * r[j];
            }
        }
    }
    let turned = (m[0][0] + m[1][1], m[0][1] - m[1][0]);
    let mirrored = (m[0][0] - m[1][1], m[0][1] + m[1][0]);
    let is_mirrored = mirrored.0.hypot(mirrored.1) > turned.0.hypot(turned.1);
    let (cosine, sine) = if is_mirrored { mirrored } else { turned };
    let match_of = cosine.hypot(sine);
    let scale = if own > 0.0 { 1.0 / own } else { 0.0 };
    let flip = if is_mirrored { -1.0 } else { 1.0 };
    let moved = points
        .iter()
        .flat_map(|&[x, y]| {
            let y = y * flip;
            [
                ((x * cosine - y * sine) * scale + centre[0]) as f32,
                ((x * sine + y * cosine) * scale + centre[1]) as f32,
            ]
        })
        .collect();
    let disparity = if own > 0.0 && other > 0.0 {
        1.0 - match_of * match_of / (own * other)
    } else {
        1.0
    };
    (moved, disparity.max(0.0) as f32)
}

/// Points about their mean, and the mean.
fn centred(points: &[f32]) -> (Vec<[f64; 2]>, [f64; 2]) {
    let pairs: Vec<[f64; 2]> = points
        .chunks_exact(2)
        .map(|pair| [f64::from(pair[0]), f64::from(pair[1])])
        .collect();
    let count = pairs.len().max(1) as f64;
    let mean = [0, 1].map(|axis| pairs.iter().map(|pair| pair[axis]).sum::<f64>() / count);
    let moved = pairs
        .iter()
        .map(|pair| [pair[0] - mean[0], pair[1] - mean[1]])
        .collect();
    (moved, mean)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn a_turned_mirrored_scaled_and_shifted_map_comes_back() {
        let mut random = Random::new(3);
        let map: Vec<f32> = (0..40).map(|_| random.normal()).collect();
        for mirror in [1.0, -1.0] {
            let (sine, cosine) = 2.1_f32.sin_cos();
            let moved: Vec<f32> = map
                .chunks_exact(2)
                .flat_map(|p| {
                    let (x, y) = (p[0] * mirror, p[1]);
                    [
                        3.0 * (cosine * x - sine * y) + 5.0,
                        3.0 * (sine * x + cosine * y) - 2.0,
                    ]
                })
                .collect();
            let (back, disparity) = align(&moved, &map);
            for (a, b) in back.iter().zip(&map) {
                assert!((a - b).abs() < 1e-5, "{a} {b}");
            }
            assert!(disparity < 1e-6, "{disparity}");
        }
    }

    #[test]
    fn unlike_maps_keep_their_difference() {
        let mut random = Random::new(4);
        let mut draw = || -> Vec<f32> { (0..400).map(|_| random.normal()).collect() };
        let (map, other) = (draw(), draw());
        let (_, disparity) = align(&other, &map);
        assert!(disparity > 0.9, "{disparity}");
    }

    #[test]
    fn a_map_of_one_place_is_put_in_the_middle() {
        let (moved, disparity) = align(&[2.0, 2.0, 2.0, 2.0], &[0.0, 0.0, 4.0, 2.0]);
        assert_eq!(moved, [2.0, 1.0, 2.0, 1.0]);
        assert!((disparity - 1.0).abs() < 1e-6);
    }
}
