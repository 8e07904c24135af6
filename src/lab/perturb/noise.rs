//! Noise: every value, or some pixels, by chance.

use crate::random::Random;

/// Values with normal noise of deviation `sigma`.
pub fn gaussian(picture: &[f32], sigma: f32, random: &mut Random) -> Vec<f32> {
    picture
        .iter()
        .map(|value| value + sigma * random.normal())
        .collect()
}

/// Values with noise uniform in [−`most`, `most`].
pub fn uniform(picture: &[f32], most: f32, random: &mut Random) -> Vec<f32> {
    picture
        .iter()
        .map(|value| value + most * (2.0 * random.uniform() - 1.0))
        .collect()
}

/// Pixels of which a `share` becomes black or white in all channels, `extremes` of each; those of a smaller share are among
/// those of a larger.
pub fn salt_pepper(
    picture: &[f32],
    plane: usize,
    share: f32,
    extremes: &[[f32; 2]],
    random: &mut Random,
) -> Vec<f32> {
    let painted: Vec<Option<usize>> = (0..plane)
        .map(|_| {
            let (chance, which) = (random.uniform(), random.below(2));
            (chance < share).then_some(which)
        })
        .collect();
    picture
        .iter()
        .enumerate()
        .map(|(index, &value)| {
            painted[index % plane].map_or(value, |which| extremes[index / plane][which])
        })
        .collect()
}
