//! A picture laid out so that every tap of a convolution is an offset.
//!
//! Each channel is copied with its padding, its rows and columns split by their remainder to the stride. There output (y, x)
//! needs, from each tap, the value at `offset(tap) + y * pitch + x`, whatever stride, padding and dilation are.

use std::ops::Range;

use crate::ops::scratch::{self, Buffer};
use crate::ops::{Real, View};

/// How one axis of the picture is laid out: value `q` of phase `p` is the picture's `q * stride + phases[p] - before`,
/// or zero where the picture has no such value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// Values the picture has.
    pub input: usize,
    /// Step between values of a phase.
    pub stride: usize,
    /// Zeros before the picture's first value.
    pub before: usize,
    /// The remainders that are laid out.
    pub phases: Vec<usize>,
    /// Values of each phase.
    pub extent: usize,
}

/// Where a tap finds its values on one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tap {
    /// Its index in the kernel.
    pub index: usize,
    /// Index of its phase.
    pub phase: usize,
    /// Its first value in that phase.
    pub shift: usize,
}

/// Every `stride`-th value of the input, and the taps that reach them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lattice {
    /// Its first value.
    pub start: usize,
    /// From a value to the next.
    pub stride: usize,
    /// How many values it has.
    pub count: usize,
    /// The taps; there may be none.
    pub taps: Vec<Tap>,
}

impl Axis {
    /// A copy as it is, with `extent - input` zeros behind.
    pub fn plain(input: usize, extent: usize) -> Self {
        Self {
            input,
            stride: 1,
            before: 0,
            phases: vec![0],
            extent,
        }
    }

    /// The picture that a window of `kernel` taps walks over in `output` steps, and where its taps find their values.
    pub fn window(
        [input, output]: [usize; 2],
        kernel: usize,
        stride: usize,
        dilation: usize,
        before: usize,
    ) -> (Self, Vec<Tap>) {
        let mut phases: Vec<usize> = (0..kernel).map(|k| k * dilation % stride).collect();
        phases.sort_unstable();
        phases.dedup();
        let taps: Vec<Tap> = (0..kernel)
            .map(|index| {
                let remainder = index * dilation % stride;
                let phase = phases
                    .iter()
                    .position(|&phase| phase == remainder)
                    .unwrap_or_default();
                Tap {
                    index,
                    phase,
                    shift: index * dilation / stride,
                }
            })
            .collect();
        let extent = output + taps.iter().map(|tap| tap.shift).max().unwrap_or_default();
        (
            Self {
                input,
                stride,
                before,
                phases,
                extent,
            },
            taps,
        )
    }

    /// The gradient that flows back from `output` values to `input`: its layout, and for each remainder of the padded input's
    /// coordinate to the stride the values of that remainder with the taps that reach them.
    pub fn backward(
        [input, output]: [usize; 2],
        kernel: usize,
        stride: usize,
        dilation: usize,
        before: usize,
    ) -> (Self, Vec<Lattice>) {
        let margin = (kernel - 1) * dilation / stride;
        let mut extent = 0;
        let lattices = (0..stride.min(before + input))
            .map(|phase| {
                let first = before.saturating_sub(phase).div_ceil(stride);
                let end = (before + input - phase).div_ceil(stride);
                let taps: Vec<Tap> = (0..kernel)
                    .filter(|k| k * dilation % stride == phase)
                    .map(|index| Tap {
                        index,
                        phase: 0,
                        shift: first + margin - index * dilation / stride,
                    })
                    .collect();
                if !taps.is_empty() {
                    extent = extent.max(margin + end);
                }
                Lattice {
                    start: (first * stride + phase).saturating_sub(before),
                    stride,
                    count: end.saturating_sub(first),
                    taps,
                }
            })
            .collect();
        (
            Self {
                input: output,
                stride: 1,
                before: margin,
                phases: vec![0],
                extent,
            },
            lattices,
        )
    }

    fn is_plain(&self) -> bool {
        *self == Self::plain(self.input, self.input)
    }

    /// The values of phase `phase` that the picture has.
    fn inside(&self, phase: usize) -> Range<usize> {
        let first = |coordinate: usize| {
            coordinate
                .saturating_sub(self.phases[phase])
                .div_ceil(self.stride)
        };
        let end = first(self.before + self.input).min(self.extent);
        first(self.before).min(end)..end
    }
}

/// The layout of a picture's channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planes {
    /// Rows.
    pub rows: Axis,
    /// Columns.
    pub columns: Axis,
}

/// Some channels of some pictures, laid out.
#[derive(Debug)]
pub enum Laid<'a, T: Real> {
    /// The tensor itself, because nothing had to be moved.
    Borrowed(&'a [T], usize),
    /// A copy.
    Copied(Buffer<T>, usize),
}

impl<T: Real> Laid<'_, T> {
    /// The values: first those of the first picture's first channel.
    pub fn data(&self) -> &[T] {
        match self {
            Self::Borrowed(data, _) => data,
            Self::Copied(data, _) => data,
        }
    }

    /// From a picture to the next.
    pub fn step(&self) -> usize {
        let (Self::Borrowed(_, step) | Self::Copied(_, step)) = *self;
        step
    }
}

impl Planes {
    /// From a row to the next.
    pub fn pitch(&self) -> usize {
        self.columns.extent
    }

    /// Values of a channel, in all its phases.
    pub fn channel(&self) -> usize {
        self.rows.phases.len() * self.columns.phases.len() * self.rows.extent * self.columns.extent
    }

    /// Where tap (`y`, `x`) of a channel finds its first value, from the channel's start.
    pub fn offset(&self, y: Tap, x: Tap) -> usize {
        let phase = y.phase * self.columns.phases.len() + x.phase;
        (phase * self.rows.extent + y.shift) * self.columns.extent + x.shift
    }

    /// Lays out `channels` of `pictures`.
    pub fn lay<'a, T: Real>(
        &self,
        x: View<'a, T>,
        pictures: Range<usize>,
        channels: Range<usize>,
    ) -> Laid<'a, T> {
        let (plane, picture) = (x.shape.plane(), x.shape.picture());
        if self.rows.is_plain() && self.columns.is_plain() {
            let start = pictures.start * picture + channels.start * plane;
            let end = (pictures.end - 1) * picture + channels.end * plane;
            return Laid::Borrowed(&x.data[start..end], picture);
        }
        let step = channels.len() * self.channel();
        let mut copy = scratch::take(pictures.len() * step);
        for (n, to) in pictures.zip(copy.chunks_exact_mut(step)) {
            let from =
                &x.data[n * picture + channels.start * plane..n * picture + channels.end * plane];
            for (from, to) in from
                .chunks_exact(plane)
                .zip(to.chunks_exact_mut(self.channel()))
            {
                self.copy(from, to);
            }
        }
        Laid::Copied(copy, step)
    }

    /// Lays out one channel.
    pub fn copy<T: Real>(&self, from: &[T], to: &mut [T]) {
        let (width, pitch) = (self.columns.input, self.pitch());
        let mut phases = to.chunks_exact_mut(self.rows.extent * pitch);
        for y in 0..self.rows.phases.len() {
            let rows = self.rows.inside(y);
            for x in 0..self.columns.phases.len() {
                let Some(to) = phases.next() else { return };
                let columns = self.columns.inside(x);
                to[..rows.start * pitch].fill(T::zero());
                to[rows.end * pitch..].fill(T::zero());
                for row in rows.clone() {
                    let at =
                        (row * self.rows.stride + self.rows.phases[y] - self.rows.before) * width;
                    let from = &from[at..at + width];
                    let to = &mut to[row * pitch..(row + 1) * pitch];
                    to[..columns.start].fill(T::zero());
                    to[columns.end..].fill(T::zero());
                    if !columns.is_empty() {
                        let first = columns.start * self.columns.stride + self.columns.phases[x]
                            - self.columns.before;
                        copy_every(
                            &from[first..],
                            self.columns.stride,
                            &mut to[columns.clone()],
                        );
                    }
                }
            }
        }
    }
}

/// Copies every `stride`-th value.
fn copy_every<T: Real>(from: &[T], stride: usize, to: &mut [T]) {
    match stride {
        1 => to.copy_from_slice(&from[..to.len()]),
        2 => {
            // Whole vectors: two loads and a shuffle each.
            let whole = (to.len() / 4).min(from.len() / 8) * 4;
            let (to, rest) = to.split_at_mut(whole);
            for (to, from) in to
                .as_chunks_mut::<4>()
                .0
                .iter_mut()
                .zip(from.as_chunks::<8>().0)
            {
                *to = [from[0], from[2], from[4], from[6]];
            }
            let last = from.iter().skip(2 * whole).step_by(2);
            rest.iter_mut().zip(last).for_each(|(to, from)| *to = *from);
        }
        _ => to
            .iter_mut()
            .zip(from.iter().step_by(stride))
            .for_each(|(to, from)| *to = *from),
    }
}
