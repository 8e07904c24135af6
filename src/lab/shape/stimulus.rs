//! Pictures that keep shape and lose texture, keep texture and lose shape, or set one against the other, after the stimuli
//! of Geirhos et al. (2019).

use super::check::check;
use super::edges::{self, Rule};
use super::foreground::foreground;
use super::piece::even_piece;
pub use super::piece::{Crop, Piece};
use super::pixels::{Picture, otsu};
use super::quilt::quilted;
use super::shuffle::shuffled;
use crate::engine::control::Control;
use crate::error::Result;
use crate::tensor::Tensor;

/// What is made of a picture. Brightness goes from 0 to 1, lengths are in pixels.
#[derive(Debug, Clone, PartialEq)]
pub enum Stimulus {
    /// The picture as it is.
    Original,
    /// Without colour.
    Grey,
    /// Smoothed by a Gaussian.
    Blur {
        /// Its deviation.
        sigma: f32,
    },
    /// Black and white, by brightness (Mooney 1957).
    TwoTones {
        /// Deviation of a Gaussian before that.
        sigma: f32,
        /// Where white begins; where the groups are best apart if not given (Otsu 1979).
        threshold: Option<f32>,
    },
    /// Cut into grid × grid squares that change places; no one keeps its own.
    Shuffle {
        /// Squares a side, from 2. What is left over at the border stays.
        grid: usize,
    },
    /// Edges as lines.
    Edges {
        /// How they are found.
        rule: Rule,
        /// Brightness of lines and of what is between.
        tones: Tones,
    },
    /// Edges by their strength, as a pencil would shade them.
    Slopes {
        /// Deviation of a Gaussian before that.
        sigma: f32,
        /// The share of pixels that are not yet drawn in full.
        full: f32,
        /// Brightness of the steepest places and of even ones.
        tones: Tones,
    },
    /// The object in one tone.
    Silhouette {
        /// Where it is, (1 or N, 1, H, W) from 0 to 1; found if not given.
        mask: Option<Tensor>,
        /// Brightness of the object and of what is around it.
        tones: Tones,
    },
    /// Nothing but the texture of a piece of the picture.
    Texture(Piece),
    /// The object filled with the texture of another picture.
    Fill {
        /// The other picture, (1 or N, C, H, W).
        texture: Tensor,
        /// Which piece of it.
        piece: Piece,
        /// Where the object is; found if not given.
        mask: Option<Tensor>,
        /// Brightness around the object.
        paper: f32,
        /// 0 for the picture as it is, 1 for the filled object; between them both are mixed.
        strength: f32,
    },
}

/// Two brightnesses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tones {
    /// Of what is drawn.
    pub ink: f32,
    /// Of what is around it.
    pub paper: f32,
}

/// Pictures (N, C, H, W) with brightness from 0 to 1, made into a stimulus; what is drawn comes from the seed, the same for
/// each of the pictures. `blue_first` is the order of three channels.
///
/// # Errors
/// `bad_argument` for values out of range and for masks, textures and pieces that do not fit; `aborted`.
pub async fn make(
    pictures: &Tensor,
    stimulus: &Stimulus,
    blue_first: bool,
    seed: u64,
    control: &Control,
) -> Result<Tensor> {
    let shape = pictures.activation_shape();
    check(stimulus, shape)?;
    let mask = match stimulus {
        Stimulus::Silhouette { mask, .. } | Stimulus::Fill { mask, .. } => {
            Some(mask_of(pictures, mask.as_ref(), control).await?)
        }
        _ => None,
    };
    let mut made = Vec::with_capacity(shape.len());
    for number in 0..shape.n() {
        control.step().await?;
        let picture = picture_of(pictures, number);
        let mask = mask.as_ref().map(|mask| picture_of(mask, number).values);
        let one = One {
            picture,
            mask,
            blue_first,
            seed,
            control,
        };
        made.extend(one.make(stimulus, number).await?);
    }
    Tensor::from_shape(made, shape)
}

/// One picture of a batch; the only one where there is one for all.
fn picture_of(pictures: &Tensor, number: usize) -> Picture<'_> {
    let shape = pictures.activation_shape();
    let length = shape.picture();
    let at = if shape.n() == 1 { 0 } else { number } * length;
    Picture {
        values: &pictures.data()[at..at + length],
        height: shape.h(),
        width: shape.w(),
    }
}

async fn mask_of(pictures: &Tensor, mask: Option<&Tensor>, control: &Control) -> Result<Tensor> {
    match mask {
        Some(mask) => Ok(mask.clone()),
        None => foreground(pictures, control).await,
    }
}

/// One picture on its way to a stimulus.
struct One<'a> {
    picture: Picture<'a>,
    mask: Option<&'a [f32]>,
    blue_first: bool,
    seed: u64,
    control: &'a Control,
}

impl One<'_> {
    async fn make(&self, stimulus: &Stimulus, number: usize) -> Result<Vec<f32>> {
        let picture = &self.picture;
        Ok(match stimulus {
            Stimulus::Original => picture.values.to_vec(),
            Stimulus::Grey => self.repeated(&picture.luma(self.blue_first)),
            Stimulus::Blur { sigma } => picture.blurred(picture.values, *sigma),
            Stimulus::TwoTones { sigma, threshold } => {
                let luma = picture.blurred(&picture.luma(self.blue_first), *sigma);
                let threshold = threshold.unwrap_or_else(|| otsu(&luma));
                let tone = |value: &f32| f32::from(u8::from(*value >= threshold));
                self.repeated(&luma.iter().map(tone).collect::<Vec<_>>())
            }
            Stimulus::Shuffle { grid } => shuffled(picture, *grid, self.seed),
            Stimulus::Edges { rule, tones } => {
                let found = edges::edges(picture, &picture.luma(self.blue_first), *rule);
                let tone = |&edge: &bool| if edge { tones.ink } else { tones.paper };
                self.repeated(&found.iter().map(tone).collect::<Vec<_>>())
            }
            Stimulus::Slopes { sigma, full, tones } => {
                let luma = picture.luma(self.blue_first);
                self.drawn(&edges::strengths(picture, &luma, *sigma, *full), *tones)
            }
            Stimulus::Silhouette { tones, .. } => self.drawn(self.inside(), *tones),
            Stimulus::Texture(piece) => self.texture(picture, piece).await?,
            Stimulus::Fill {
                texture,
                piece,
                paper,
                strength,
                ..
            } => {
                let other = picture_of(texture, number);
                let texture = self.texture(&other, piece).await?;
                let inside = self.inside();
                let pixels = picture.values.iter().zip(&texture).enumerate();
                pixels
                    .map(|(at, (value, texture))| {
                        let inside = inside[at % picture.plane()];
                        let filled = inside * texture + (1.0 - inside) * paper;
                        value + strength * (filled - value)
                    })
                    .collect()
            }
        })
    }

    fn inside(&self) -> &[f32] {
        self.mask.unwrap_or_default()
    }

    /// A plane for every channel.
    fn repeated(&self, plane: &[f32]) -> Vec<f32> {
        plane.repeat(self.picture.channels())
    }

    /// What is drawn, from 0 to 1, in `tones`.
    fn drawn(&self, shares: &[f32], tones: Tones) -> Vec<f32> {
        let tone = |share: &f32| share * tones.ink + (1.0 - share) * tones.paper;
        self.repeated(&shares.iter().map(tone).collect::<Vec<_>>())
    }

    async fn texture(&self, source: &Picture<'_>, piece: &Piece) -> Result<Vec<f32>> {
        let crop = match piece.crop {
            Some(crop) => crop,
            None => {
                let luma = source.luma(self.blue_first);
                even_piece(source, &luma, piece.size, self.control).await?
            }
        };
        let size = [self.picture.height, self.picture.width];
        quilted(source, crop, size, piece.block, self.seed, self.control).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Shape;

    const TONES: Tones = Tones {
        ink: 0.0,
        paper: 1.0,
    };

    fn piece(size: usize, block: usize) -> Piece {
        Piece {
            crop: None,
            size,
            block,
        }
    }

    /// Pictures of distinct values from 0 to 1.
    fn pictures(shape: [usize; 4]) -> Tensor {
        let count: usize = shape.iter().product();
        let values = (0..count).map(|i| (i * 7919 % count) as f32 / count as f32);
        Tensor::new(values.collect(), shape).unwrap()
    }

    fn made(pictures: &Tensor, stimulus: &Stimulus, seed: u64) -> Result<Vec<f32>> {
        let made = pollster::block_on(make(pictures, stimulus, false, seed, &Control::new()))?;
        assert_eq!(made.shape(), pictures.shape());
        Ok(made.into_data())
    }

    #[test]
    fn shuffling_moves_every_square_and_keeps_its_pixels_together() {
        let picture = pictures([1, 2, 24, 30]);
        for grid in [2, 3, 5, 24] {
            let shuffle = Stimulus::Shuffle { grid };
            let after = made(&picture, &shuffle, 4).unwrap();
            let before = picture.data();
            let mut sorted = [before.to_vec(), after.clone()];
            for values in &mut sorted {
                values.sort_by(f32::total_cmp);
            }
            assert_eq!(sorted[0], sorted[1], "nothing is lost");
            let [rows, columns] = [24 / grid, 30 / grid];
            let [top, left] = [(24 - rows * grid) / 2, (30 - columns * grid) / 2];
            for square in 0..grid * grid {
                let at = (top + square / grid * rows) * 30 + left + square % grid * columns;
                assert_ne!(before[at], after[at], "square {square} of {grid} stayed");
                // The square's last pixel came along, and the other channel too.
                let source = before.iter().position(|value| *value == after[at]).unwrap();
                let last = (rows - 1) * 30 + columns - 1;
                assert_eq!(before[source + last], after[at + last]);
                assert_eq!(before[source + 720], after[at + 720]);
            }
            assert_eq!(after, made(&picture, &shuffle, 4).unwrap());
        }
        let four = Stimulus::Shuffle { grid: 4 };
        assert_ne!(
            made(&picture, &four, 1).unwrap(),
            made(&picture, &four, 2).unwrap()
        );
    }

    #[test]
    fn grey_and_two_tones_have_equal_channels_and_two_tones_two_values() {
        let picture = pictures([2, 3, 8, 8]);
        let grey = made(&picture, &Stimulus::Grey, 0).unwrap();
        let expected =
            0.299 * picture.data()[0] + 0.587 * picture.data()[64] + 0.114 * picture.data()[128];
        assert!((grey[0] - expected).abs() < 1e-6);
        assert_eq!(grey[192..256], grey[256..320]);
        let tones = Stimulus::TwoTones {
            sigma: 0.0,
            threshold: Some(0.4),
        };
        let two = made(&picture, &tones, 0).unwrap();
        assert!(two.iter().all(|value| *value == 0.0 || *value == 1.0));
        for (two, grey) in two.iter().zip(&grey) {
            assert_eq!(*two == 1.0, *grey >= 0.4);
        }
    }

    #[test]
    fn a_filled_silhouette_has_the_texture_inside_and_paper_outside() {
        let picture = pictures([1, 1, 12, 12]);
        let texture = Tensor::new(vec![0.25; 144], [1, 1, 12, 12]).unwrap();
        let mut mask = vec![0.0; 144];
        mask[40..50].fill(1.0);
        mask[50] = 0.5;
        let mask = Tensor::new(mask, [1, 1, 12, 12]).unwrap();
        let fill = |strength: f32| Stimulus::Fill {
            texture: texture.clone(),
            piece: piece(6, 3),
            mask: Some(mask.clone()),
            paper: 0.75,
            strength,
        };
        let full = made(&picture, &fill(1.0), 0).unwrap();
        assert!(
            (full[45] - 0.25).abs() < 1e-6
                && (full[0] - 0.75).abs() < 1e-6
                && (full[50] - 0.5).abs() < 1e-6
        );
        assert_eq!(made(&picture, &fill(0.0), 0).unwrap(), picture.data());
        let half = made(&picture, &fill(0.5), 0).unwrap();
        assert!((half[45] - 0.5 * (0.25 + picture.data()[45])).abs() < 1e-6);
        let silhouette = Stimulus::Silhouette {
            mask: Some(mask.clone()),
            tones: TONES,
        };
        let black = made(&picture, &silhouette, 0).unwrap();
        assert_eq!((black[45], black[0], black[50]), (0.0, 1.0, 0.5));
    }

    #[test]
    fn the_piece_lies_on_the_object_where_its_texture_is() {
        // An object of two halves: the upper one even, the lower one striped.
        let (height, width) = (48, 48);
        let value = |i: usize| {
            let (row, column) = (i / width, i % width);
            if !(8..40).contains(&row) || !(8..40).contains(&column) {
                0.0
            } else if row < 24 || column % 2 == 0 {
                0.8
            } else {
                0.5
            }
        };
        let values: Vec<f32> = (0..height * width).map(value).collect();
        let picture = Tensor::new(values, [1, 1, height, width]).unwrap();
        let made = made(&picture, &Stimulus::Texture(piece(12, 6)), 1).unwrap();
        let share =
            |of: f32| made.iter().filter(|value| **value == of).count() as f32 / made.len() as f32;
        assert!(share(0.8) > 0.4 && share(0.5) > 0.4 && share(0.0) == 0.0);
    }

    #[test]
    fn values_out_of_range_and_what_does_not_fit_are_refused_with_the_name() {
        let picture = pictures([1, 1, 10, 10]);
        let other = Tensor::zeros(Shape::new(1, 1, 9, 10));
        let cases = [
            (Stimulus::Blur { sigma: -1.0 }, "sigma"),
            (Stimulus::Blur { sigma: f32::NAN }, "sigma"),
            (Stimulus::Shuffle { grid: 1 }, "grid"),
            (Stimulus::Shuffle { grid: 11 }, "grid"),
            (
                Stimulus::TwoTones {
                    sigma: 0.0,
                    threshold: Some(1.5),
                },
                "threshold",
            ),
            (
                Stimulus::Edges {
                    rule: Rule {
                        quiet: 2.0,
                        ..Rule::default()
                    },
                    tones: TONES,
                },
                "quiet",
            ),
            (
                Stimulus::Edges {
                    rule: Rule::default(),
                    tones: Tones { ink: -0.1, ..TONES },
                },
                "ink",
            ),
            (
                Stimulus::Slopes {
                    sigma: 1.0,
                    full: 1.5,
                    tones: TONES,
                },
                "full",
            ),
            (
                Stimulus::Silhouette {
                    mask: Some(other.clone()),
                    tones: TONES,
                },
                "mask",
            ),
            (Stimulus::Texture(piece(0, 3)), "size"),
            (Stimulus::Texture(piece(5, 0)), "block"),
            (
                Stimulus::Texture(Piece {
                    crop: Some(Crop {
                        y: 6,
                        x: 0,
                        size: 5,
                    }),
                    ..piece(5, 2)
                }),
                "row 6",
            ),
            (
                Stimulus::Fill {
                    texture: other,
                    piece: piece(5, 2),
                    mask: None,
                    paper: 1.0,
                    strength: 1.0,
                },
                "texture",
            ),
        ];
        for (stimulus, word) in cases {
            let error = made(&picture, &stimulus, 0).unwrap_err();
            assert_eq!(error.code.as_str(), "bad_argument");
            assert!(error.message.contains(word), "{word}: {}", error.message);
        }
    }
}
