//! Convolution as dispatches. Forward and gradient to the input are one shader with two sets of numbers.

mod axis;
mod ending;
mod pad;
mod rows;
mod weight_grad;
mod winograd;

use super::{Conv2d, Conv2dInputGrad, Geometry};
use crate::ops::activation::{self, Function};
use crate::ops::kernel::{Binding, Preparation, word};
use crate::ops::{Kernel, Way};
use crate::tensor::Shape;
use axis::Axis;
use ending::Ending;
pub use weight_grad::weight_grad;

/// Positions that one invocation computes: rows, columns.
const TILE: [usize; 2] = [4, 8];
/// Invocations that keep a device busy: sums with fewer are cut.
const BUSY: usize = 2048;
/// Columns of a strip that one invocation goes down.
const STRIP: usize = 8;
/// Rows that a piece of a strip has at least: it loads some more.
const SHORTEST: usize = 8;
/// Invocations a workgroup.
const WG_SIZE: usize = 32;
/// Which scratch buffers hold padded operands; sums and activations use lower ones.
const PADDED: [usize; 2] = [2, 3];

/// Which way a convolution's sum runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Forward,
    Backward,
}

/// Ways to compute a [`Conv2d`], the preferred one first.
pub fn forward(op: &Conv2d, inputs: &[Shape], output: Shape) -> Vec<Way> {
    // What is no bend is applied in a second dispatch.
    let second = op.activation.filter(|function| function.bend().is_none());
    let written = match second {
        Some(_) => Binding::Scratch(0, output.len()),
        None => Binding::Output,
    };
    let plain = Ending::plain(written);
    let bend = op.activation.and_then(Function::bend);
    let (bias, residual) = op.at_end(inputs.len());
    let convolution = Convolution {
        geometry: op.geometry,
        direction: Direction::Forward,
        src: inputs[0],
        weight: inputs[1],
        dst: output,
        ending: Ending {
            bias: bias.map(Binding::Input),
            residual: residual.map(Binding::Input),
            bend: bend.unwrap_or(plain.bend),
            ..plain
        },
    };
    let mut ways = convolution.ways();
    for way in &mut ways {
        let applied = second.map(|function| activation::gpu::apply(function, written, output));
        way.kernels.extend(applied);
    }
    ways
}

/// Ways to compute a [`Conv2dInputGrad`], the preferred one first.
pub fn input_grad(op: &Conv2dInputGrad, inputs: &[Shape], output: Shape) -> Vec<Way> {
    let convolution = Convolution {
        geometry: op.geometry,
        direction: Direction::Backward,
        src: inputs[0],
        weight: inputs[1],
        dst: output,
        ending: Ending::plain(Binding::Output),
    };
    convolution.ways()
}

/// A convolution, or its gradient to the input, as a sum over channels of `src`.
struct Convolution {
    geometry: Geometry,
    direction: Direction,
    src: Shape,
    weight: Shape,
    dst: Shape,
    ending: Ending,
}

impl Convolution {
    /// All ways there are, the preferred one first. Small tiles make more invocations and more loads: whether that pays, only a
    /// measurement on the device can tell.
    fn ways(&self) -> Vec<Way> {
        if self.geometry.is_depthwise(self.weight) {
            return existing([
                ("strips", self.depthwise_strips().map(|kernel| vec![kernel])),
                ("positions", Some(vec![self.depthwise()])),
            ]);
        }
        let transformed = existing([
            ("winograd", self.winograd(ProductTile::Large)),
            ("winograd_small", self.winograd(ProductTile::Small)),
            ("winograd_shared", self.winograd(ProductTile::Shared)),
        ]);
        let plain = existing([
            ("product", self.one_by_one(ProductTile::Large)),
            ("product_small", self.one_by_one(ProductTile::Small)),
            ("product_shared", self.one_by_one(ProductTile::Shared)),
            ("rows", self.rows_of_taps(2)),
            ("rows_small", self.rows_of_taps(1)),
            ("taps", Some(vec![self.general()])),
        ]);
        if self.winograd_pays() {
            [transformed, plain].concat()
        } else {
            [plain, transformed].concat()
        }
    }

    fn is_backward(&self) -> bool {
        self.direction == Direction::Backward
    }

    fn general(&self) -> Kernel {
        let (rows, columns) = (Axis::new(self, 0), Axis::new(self, 1));
        let tiles = rows.tiles * rows.phases * columns.tiles * columns.phases * self.dst.n();
        let groups = self.geometry.groups;
        let (c_src, c_dst) = (self.src.c() / groups, self.dst.c() / groups);
        let count = tiles * c_dst.div_ceil(4) * groups;
        let mut params = rows.params();
        params.extend(columns.params());
        params.extend([
            word(c_src),
            word(c_dst),
            word(groups),
            u32::from(self.is_backward()),
            word(count),
        ]);
        let turns = c_src * rows.turns() * columns.turns_in_row();
        let packed = Some(self.pack(1, false, [1, 1]));
        self.finish("conv2d", params, count, 512 * turns, packed)
            .with_constant("OVERLAP", columns.overlap().into())
    }

    /// Zeros above and at the left of src at stride and dilation 1; a number below 0 has wrapped. The gradient is a convolution
    /// with flipped taps and the rest of a full padding.
    const fn padding_before(&self) -> [usize; 2] {
        let (padding, weight) = (self.geometry.padding, self.weight);
        match self.direction {
            Direction::Forward => [padding.top, padding.left],
            Direction::Backward => [
                (weight.h() - 1).wrapping_sub(padding.top),
                (weight.w() - 1).wrapping_sub(padding.left),
            ],
        }
    }

    /// 1×1 kernels at stride 1 without padding or groups; `None` for others, or if the padded copy of src would be too large.
    fn one_by_one(&self, tile: ProductTile) -> Option<Vec<Kernel>> {
        let is_product = [self.weight.h(), self.weight.w()] == [1, 1] && self.geometry.is_product();
        if !is_product {
            return None;
        }
        let (source, pad) = pad::whole_quads(self.src, Binding::Input(0), PADDED[0])?;
        let product = Product {
            pictures: self.dst.n(),
            plane: self.dst.plane(),
            channels: [self.src.c(), self.dst.c()],
            weight_step: 0,
            weights: self.pack(2, false, [1, 1]),
            src: source,
            ending: self.ending,
        };
        let kernel = product.kernel(tile)?;
        Some(pad.into_iter().chain([kernel]).collect())
    }

    /// 3×3 and 5×5 kernels at stride and dilation 1, one a channel; `None` for others.
    fn depthwise_strips(&self) -> Option<Kernel> {
        let geometry = &self.geometry;
        let kernel = self.weight.h();
        let fits = self.weight.w() == kernel
            && [3, 5].contains(&kernel)
            && geometry.stride == [1, 1]
            && geometry.dilation == [1, 1]
            && self.weight.n() == geometry.groups;
        if !fits {
            return None;
        }
        let planes = self.dst.n() * self.dst.c();
        let strips = self.dst.w().div_ceil(STRIP);
        let pieces = BUSY
            .div_ceil(strips * planes)
            .clamp(1, (self.dst.h() / SHORTEST).max(1));
        let length = self.dst.h().div_ceil(pieces);
        let count = strips * pieces * planes;
        let mut params = [self.src.h(), self.src.w(), self.dst.h(), self.dst.w()]
            .map(word)
            .to_vec();
        params.extend(self.padding_before().map(pad::signed_word));
        let flips = usize::from(self.is_backward());
        params.extend([strips, pieces, length, self.dst.c(), flips, count].map(word));
        let work = (length + kernel - 1) * STRIP * kernel * kernel;
        let strips = self.finish("depthwise_strips", params, count, work, None);
        Some(strips.with_constant("KERNEL", word(kernel)))
    }

    fn depthwise(&self) -> Kernel {
        let (rows, columns) = (Axis::new(self, 0), Axis::new(self, 1));
        let tiles = rows.tiles * rows.phases * columns.tiles * columns.phases * self.dst.n();
        let multiplier = self.weight.n() / self.geometry.groups;
        let count = tiles * self.dst.c();
        let mut params = rows.params();
        params.extend(columns.params());
        params.extend([
            word(self.dst.c()),
            word(multiplier),
            u32::from(self.is_backward()),
            word(count),
        ]);
        let turns = rows.turns() * columns.turns_in_row();
        self.finish("depthwise", params, count, 256 * turns, None)
            .with_constant("OVERLAP", columns.overlap().into())
    }

    /// `work` is multiply-adds an invocation.
    fn finish(
        &self,
        shader: &'static str,
        params: Vec<u32>,
        count: usize,
        work: usize,
        prepared: Option<Preparation>,
    ) -> Kernel {
        let weights = match prepared {
            Some(_) => Binding::Prepared,
            None => Binding::Input(1),
        };
        self.ending.append_to(Kernel {
            shader,
            constants: Vec::new(),
            bindings: vec![Binding::Input(0), weights],
            prepared: prepared.map(Box::new),
            params,
            workgroups: [count.div_ceil(WG_SIZE) as u64, 1, 1],
            cost: (count * work) as u64,
        })
    }

    /// Weights with the channels that are written innermost, in fours, and the others padded to a multiple of `padding`.
    /// With a `step`, the taps of each remainder of rows and columns stand together, as for a channel of its own.
    fn pack(&self, padding: usize, flips: bool, step: [usize; 2]) -> Preparation {
        let [c_red, c_dst, stride_red, stride_dst] = self.weight_strides();
        let [rows, columns] = [self.weight.h(), self.weight.w()];
        let c_padded = c_red.next_multiple_of(padding);
        let taps = rows.next_multiple_of(step[0]) * columns.next_multiple_of(step[1]);
        let count = self.geometry.groups * c_padded * taps * c_dst.div_ceil(4);
        let params = [
            rows,
            columns,
            step[0],
            step[1],
            c_red,
            c_dst,
            stride_red,
            stride_dst,
            c_padded,
            usize::from(flips),
            count,
        ]
        .map(word);
        let bindings = vec![Binding::Input(1), Binding::Output];
        Preparation {
            kernel: Kernel::linear("conv2d_pack", bindings, params.to_vec(), count)
                .with_cost(4 * count),
            values: 4 * count,
        }
    }

    /// Channels of a group that are summed over and that are written, and the steps along them in the weights.
    fn weight_strides(&self) -> [usize; 4] {
        let (weight, taps) = (self.weight, self.weight.plane());
        let (c_out, c_in) = (weight.n() / self.geometry.groups, weight.c());
        let (stride_out, stride_in) = (c_in * taps, taps);
        match self.direction {
            Direction::Forward => [c_in, c_out, stride_in, stride_out],
            Direction::Backward => [c_out, c_in, stride_out, stride_in],
        }
    }
}

/// Ways by name, without those that there are not.
fn existing<const N: usize>(ways: [(&'static str, Option<Vec<Kernel>>); N]) -> Vec<Way> {
    let existing = ways.into_iter().filter_map(|(name, kernels)| {
        let kernels = kernels?;
        Some(Way { name, kernels })
    });
    existing.collect()
}

/// What is computed of a product at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ProductTile {
    /// 8 channels at 16 positions, by an invocation.
    Large,
    /// 4 channels at 4 positions, by an invocation.
    Small,
    /// 64 channels at 64 positions, by a workgroup that shares what it loads.
    Shared,
}

impl ProductTile {
    const fn channels(self) -> usize {
        match self {
            Self::Large => 8,
            Self::Small => 4,
            Self::Shared => 64,
        }
    }

    const fn positions(self) -> usize {
        match self {
            Self::Large => 16,
            Self::Small => 4,
            Self::Shared => 64,
        }
    }

    /// Tiles of a workgroup.
    const fn a_workgroup(self) -> usize {
        match self {
            Self::Large | Self::Small => WG_SIZE,
            Self::Shared => 1,
        }
    }
}

/// Weights times the channels of each picture, as `product_sums.wgsl` computes it.
struct Product {
    pictures: usize,
    /// Positions of a picture.
    plane: usize,
    /// Channels that are summed over, and that are written.
    channels: [usize; 2],
    /// `vec4`s between the weights of two pictures; 0 where all have one.
    weight_step: usize,
    weights: Preparation,
    src: Binding,
    ending: Ending,
}

impl Product {
    /// `None` for other than large tiles where channels and positions do not come in fours.
    fn kernel(self, tile: ProductTile) -> Option<Kernel> {
        let [c_src, c_dst] = self.channels;
        let whole = self.plane.is_multiple_of(4) && c_dst.is_multiple_of(4);
        let shader = match tile {
            ProductTile::Large if whole => "conv2d_1x1_quads",
            ProductTile::Large => "conv2d_1x1",
            ProductTile::Small if whole => "conv2d_1x1_small",
            ProductTile::Shared if whole => "conv2d_1x1_shared",
            ProductTile::Small | ProductTile::Shared => return None,
        };
        let (channels, positions) = (tile.channels(), tile.positions());
        let tiles = self.plane.div_ceil(positions);
        let count = tiles * c_dst.div_ceil(channels) * self.pictures;
        let params = [
            self.plane,
            self.plane.div_ceil(4),
            tiles,
            c_src,
            c_dst,
            self.weight_step,
            count,
        ]
        .map(word)
        .to_vec();
        Some(self.ending.append_to(Kernel {
            shader,
            constants: Vec::new(),
            bindings: vec![self.src, Binding::Prepared],
            prepared: Some(Box::new(self.weights)),
            params,
            workgroups: [count.div_ceil(tile.a_workgroup()) as u64, 1, 1],
            cost: (count * channels * positions * c_src) as u64,
        }))
    }
}
