//! Shape bias (Geirhos et al. 2019): of the answers to cue-conflict pictures that name the shape or the texture, the share
//! that names the shape.

use super::categories::Category;
use crate::error::{Error, Result};
use crate::lab::statistics::wilson;
use crate::tensor::Tensor;

/// What a cue-conflict picture shows: places among the categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cue {
    /// Whose outline it has.
    pub shape: usize,
    /// Whose surface it has.
    pub texture: usize,
}

/// What an answer goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The shape's category.
    Shape,
    /// The texture's category.
    Texture,
    /// Neither.
    Other,
    /// Shape and texture are of one category, so that nothing can be told; such pictures do not count.
    Same,
}

/// The answer to one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The category with the greatest mean.
    pub category: usize,
    /// The mean probability of each category's classes: what decides, so that large categories have no advantage.
    pub means: Vec<f32>,
    /// Their sum: how probable it is that the picture shows any of them.
    pub sums: Vec<f32>,
}

/// The categories' answers to each row of probabilities (N, K); of equals, the first category.
#[must_use]
#[allow(
    clippy::cast_possible_truncation,
    reason = "summed in f64, returned as f32"
)]
pub fn decide(probabilities: &Tensor, categories: &[Category]) -> Vec<Decision> {
    let classes = probabilities.activation_shape().c().max(1);
    let rows = probabilities.data().chunks_exact(classes);
    rows.map(|row| {
        let sum = |category: &Category| -> f64 {
            category.classes.iter().map(|&k| f64::from(row[k])).sum()
        };
        let sums: Vec<f64> = categories.iter().map(sum).collect();
        let means: Vec<f64> = sums
            .iter()
            .zip(categories)
            .map(|(sum, category)| sum / category.classes.len() as f64)
            .collect();
        let greatest = |best: usize, i: usize| if means[i] > means[best] { i } else { best };
        Decision {
            category: (1..means.len()).fold(0, greatest),
            means: means.iter().map(|&mean| mean as f32).collect(),
            sums: sums.iter().map(|&sum| sum as f32).collect(),
        }
    })
    .collect()
}

impl Cue {
    /// What an answer of this category goes by.
    #[must_use]
    pub fn outcome(self, category: usize) -> Outcome {
        if self.shape == self.texture {
            Outcome::Same
        } else if category == self.shape {
            Outcome::Shape
        } else if category == self.texture {
            Outcome::Texture
        } else {
            Outcome::Other
        }
    }
}

/// Answers, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// That name the shape.
    pub shape: usize,
    /// That name the texture.
    pub texture: usize,
    /// That name neither.
    pub other: usize,
    /// Pictures whose shape and texture are of one category.
    pub same: usize,
}

impl Tally {
    fn add(&mut self, outcome: Outcome) {
        *match outcome {
            Outcome::Shape => &mut self.shape,
            Outcome::Texture => &mut self.texture,
            Outcome::Other => &mut self.other,
            Outcome::Same => &mut self.same,
        } += 1;
    }

    /// shape / (shape + texture); `None` without either.
    #[must_use]
    pub fn bias(self) -> Option<f64> {
        let decided = self.shape + self.texture;
        (decided > 0).then(|| self.shape as f64 / decided as f64)
    }

    /// The share of conflicts whose answer names one of the two, (shape + texture) / (shape + texture + other).
    #[must_use]
    pub fn coverage(self) -> Option<f64> {
        let decided = self.shape + self.texture;
        let all = decided + self.other;
        (all > 0).then(|| decided as f64 / all as f64)
    }

    /// The 95 % interval of the bias, which takes the pictures as independent draws.
    #[must_use]
    pub fn interval(self) -> [f64; 2] {
        wilson(self.shape, self.shape + self.texture)
    }
}

/// What a set of answers comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Of all pictures.
    pub all: Tally,
    /// Of the pictures with each category's shape.
    pub by_shape: Vec<Tally>,
}

/// Counts answers, one a cue, over `count` categories.
///
/// # Errors
/// `bad_argument` if there are not as many answers as cues, or a category does not exist.
pub fn summarize(cues: &[Cue], answers: &[usize], count: usize) -> Result<Summary> {
    if cues.len() != answers.len() {
        return Err(Error::bad_argument(format!(
            "there are {} pictures and {} answers; give one for each",
            cues.len(),
            answers.len()
        )));
    }
    let mut summary = Summary {
        all: Tally::default(),
        by_shape: vec![Tally::default(); count],
    };
    for (cue, &answer) in cues.iter().zip(answers) {
        if [cue.shape, cue.texture, answer]
            .iter()
            .any(|&at| at >= count)
        {
            return Err(Error::bad_argument(format!(
                "there are {count} categories only"
            )));
        }
        let outcome = cue.outcome(answer);
        summary.all.add(outcome);
        summary.by_shape[cue.shape].add(outcome);
    }
    Ok(summary)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(shape: usize, texture: usize) -> Tally {
        Tally {
            shape,
            texture,
            ..Tally::default()
        }
    }

    /// Counts over the published cue-conflict pictures, from the raw data of rgeirhos/texture-vs-shape.
    #[test]
    fn the_published_counts_give_the_published_biases() {
        let published = [
            ("SqueezeNet 1.1", 133, 597, 0.182),
            ("VGG-16", 84, 828, 0.092),
            ("AlexNet", 182, 537, 0.253),
            ("ResNet-50", 162, 572, 0.221),
            ("DenseNet-121", 163, 597, 0.214),
            ("ResNet-50 on stylised ImageNet", 586, 141, 0.806),
            ("ten people", 9236, 398, 0.959),
        ];
        for (name, shape, texture, bias) in published {
            let cues: Vec<Cue> = vec![
                Cue {
                    shape: 0,
                    texture: 1
                };
                shape + texture
            ];
            let answers: Vec<usize> = (0..shape + texture)
                .map(|i| usize::from(i >= shape))
                .collect();
            let summary = summarize(&cues, &answers, 2).unwrap();
            assert_eq!(summary.all, tally(shape, texture), "{name}");
            let got = summary.all.bias().unwrap();
            assert!((got - bias).abs() < 5e-4, "{name}: {got}");
            let [low, high] = summary.all.interval();
            assert!(low < got && got < high, "{name}");
        }
    }

    /// Computed apart with 40 digits.
    #[test]
    fn the_interval_is_wilson_s() {
        let cases = [
            (133, 597, [0.155_878_088_996, 0.211_832_750_420]),
            (84, 828, [0.075_009_893_714, 0.112_622_427_542]),
            (0, 10, [0.0, 0.277_532_799_863]),
            (10, 0, [0.722_467_200_137, 1.0]),
            (1, 1, [0.094_531_205_734, 0.905_468_794_266]),
        ];
        for (shape, texture, expected) in cases {
            let got = tally(shape, texture).interval();
            for (got, expected) in got.iter().zip(expected) {
                assert!(
                    (got - expected).abs() < 1e-9,
                    "{shape}:{texture}: {got} is not {expected}"
                );
            }
        }
        assert_eq!(tally(0, 0).interval(), [0.0, 1.0]);
        assert_eq!((tally(0, 0).bias(), tally(0, 0).coverage()), (None, None));
    }

    /// Over every number of successes, weighted as they would occur, the interval must hold the truth about 95 % of the time.
    #[test]
    fn the_interval_covers_the_truth_about_as_often_as_it_says() {
        let n = 60;
        for p in [0.05_f64, 0.2, 0.5, 0.9] {
            let mut weight = (1.0 - p).powi(n);
            let mut covered = 0.0;
            for k in 0..=n {
                let [low, high] = tally(k as usize, (n - k) as usize).interval();
                if (low..=high).contains(&p) {
                    covered += weight;
                }
                weight *= f64::from(n - k) / f64::from(k + 1) * p / (1.0 - p);
            }
            assert!((0.92..=0.985).contains(&covered), "{p}: {covered}");
        }
    }

    #[test]
    fn a_large_category_wins_by_its_mean_not_by_its_sum() {
        let category = |name: &str, classes: &[usize]| Category {
            name: name.to_owned(),
            classes: classes.to_vec(),
        };
        let categories = [category("many", &[0, 1, 2]), category("one", &[3])];
        let p = Tensor::new(
            vec![0.2, 0.2, 0.2, 0.3, 0.1, 0.5, 0.1, 0.0, 0.1, 0.3],
            [2, 5],
        )
        .unwrap();
        let decisions = decide(&p, &categories);
        assert_eq!((decisions[0].category, decisions[1].category), (1, 0));
        assert!(
            (decisions[0].means[0] - 0.2).abs() < 1e-7 && (decisions[0].sums[0] - 0.6).abs() < 1e-7
        );
        assert_eq!(decisions[0].means[1], decisions[0].sums[1]);
    }

    #[test]
    fn what_is_no_conflict_and_what_is_neither_stay_out_of_the_bias() {
        let cue = |shape, texture| Cue { shape, texture };
        let cues = [
            cue(0, 1),
            cue(0, 1),
            cue(0, 2),
            cue(1, 1),
            cue(1, 0),
            cue(2, 0),
        ];
        let answers = [0, 1, 1, 1, 1, 0];
        let summary = summarize(&cues, &answers, 3).unwrap();
        let expected = Tally {
            shape: 2,
            texture: 2,
            other: 1,
            same: 1,
        };
        assert_eq!(summary.all, expected);
        assert_eq!(summary.all.bias(), Some(0.5));
        assert_eq!(summary.all.coverage(), Some(0.8));
        assert_eq!(summary.by_shape[1].bias(), Some(1.0));
        assert_eq!(summary.by_shape[2].bias(), Some(0.0));
        let sum = |of: fn(&Tally) -> usize| summary.by_shape.iter().map(of).sum::<usize>();
        assert_eq!(
            sum(|tally| tally.shape + tally.texture + tally.other + tally.same),
            cues.len()
        );
        assert!(summarize(&cues, &answers[1..], 3).is_err());
        assert!(summarize(&cues, &answers, 2).is_err());
    }
}
