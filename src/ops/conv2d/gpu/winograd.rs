//! Winograd's convolution F(4×4, 3×3) as dispatches (Lavin and Gray 2016, <https://arxiv.org/abs/1509.09308>): 36 products for
//! 16 values where the plain sum has 144, for the price of two transforms, each over the channels of one side alone.

use super::pad::{MOST_VALUES, signed_word};
use super::{Convolution, Direction, Ending, PADDED, Product, ProductTile, TILE, WG_SIZE};
use crate::ops::Kernel;
use crate::ops::kernel::{Binding, Preparation, word};

/// Points of a tile.
const POINTS: usize = 36;

/// Tiles of 4×4 values, four a `vec4`.
#[derive(Debug, Clone, Copy)]
struct Tiles {
    rows: usize,
    quads: usize,
    pictures: usize,
}

impl Tiles {
    /// `vec4`s of a channel at one point.
    const fn plane_quads(&self) -> usize {
        self.pictures * self.rows * self.quads
    }
}

impl Convolution {
    /// 3×3 kernels at stride and dilation 1, in one group; `None` for others, or where the points would be too large.
    pub(super) fn winograd(&self, tile: ProductTile) -> Option<Vec<Kernel>> {
        let (c_src, c_dst) = (self.src.c(), self.dst.c());
        let tiles = self.tiles();
        let values = 4 * POINTS * tiles.plane_quads();
        let c_padded = c_dst.next_multiple_of(4);
        let fits = values * c_src.max(c_padded) <= MOST_VALUES;
        let geometry = &self.geometry;
        let is_three = [self.weight.h(), self.weight.w()] == [3, 3] && geometry.is_dense_window();
        if !is_three || geometry.groups != 1 || !fits {
            return None;
        }
        let points = [
            Binding::Scratch(PADDED[0], values * c_src),
            Binding::Scratch(PADDED[1], values * c_padded),
        ];
        Some(vec![
            self.points_of_src(tiles, points[0]),
            self.products(tiles, points, tile)?,
            self.values_of_dst(tiles, points[1]),
        ])
    }

    /// Whether the transforms cost less than the products that they save. In multiply-adds of a product, a value's share of
    /// them is worth about 17 for each channel of src and 16 for each of dst (measured on a software adapter, where loads and
    /// stores are what costs; on a GPU they are limited by memory, and weigh more than products as well). Small pictures fill
    /// neither the tiles of the transforms nor those of the products.
    pub(super) fn winograd_pays(&self) -> bool {
        let tiles = self.tiles();
        let (c_src, c_dst) = (self.src.c(), self.dst.c());
        let quads = tiles.plane_quads();
        let products = POINTS * (4 * quads).next_multiple_of(ProductTile::Large.positions());
        let direct_positions = self.dst.n()
            * self.dst.h().next_multiple_of(TILE[0])
            * self.dst.w().next_multiple_of(TILE[1]);
        products * c_src * c_dst + 64 * quads * (17 * c_src + 16 * c_dst)
            < direct_positions * 9 * c_src * c_dst
    }

    const fn tiles(&self) -> Tiles {
        Tiles {
            rows: self.dst.h().div_ceil(4),
            quads: self.dst.w().div_ceil(16),
            pictures: self.dst.n(),
        }
    }

    fn points_of_src(&self, tiles: Tiles, points: Binding) -> Kernel {
        let count = self.src.c() * tiles.plane_quads();
        let mut params = [self.src.h(), self.src.w()].map(word).to_vec();
        params.extend(self.padding_before().map(signed_word));
        params.extend([tiles.rows, tiles.quads, self.src.c(), count].map(word));
        Kernel {
            shader: "winograd_input",
            constants: Vec::new(),
            bindings: vec![Binding::Input(0), points],
            prepared: None,
            params,
            workgroups: [count.div_ceil(WG_SIZE) as u64, 1, 1],
            cost: (count * 128) as u64,
        }
    }

    fn products(
        &self,
        tiles: Tiles,
        [src, dst]: [Binding; 2],
        tile: ProductTile,
    ) -> Option<Kernel> {
        let weights = self.points_of_weights();
        Product {
            pictures: POINTS,
            plane: 4 * tiles.plane_quads(),
            channels: [self.src.c(), self.dst.c().next_multiple_of(4)],
            weight_step: weights.values / (4 * POINTS),
            weights,
            src,
            ending: Ending::plain(dst),
        }
        .kernel(tile)
    }

    fn values_of_dst(&self, tiles: Tiles, points: Binding) -> Kernel {
        let count = self.dst.c() * tiles.plane_quads();
        let params = [
            self.dst.h(),
            self.dst.w(),
            tiles.rows,
            tiles.quads,
            self.dst.c(),
            tiles.plane_quads(),
            count,
        ]
        .map(word)
        .to_vec();
        self.ending.append_to(Kernel {
            shader: "winograd_output",
            constants: Vec::new(),
            bindings: vec![points],
            prepared: None,
            params,
            workgroups: [count.div_ceil(WG_SIZE) as u64, 1, 1],
            cost: (count * 96) as u64,
        })
    }

    /// Weights at every point, `[36][C_src, to 2][C_dst / 4]` of `vec4`s.
    fn points_of_weights(&self) -> Preparation {
        let [c_red, c_dst, stride_red, stride_dst] = self.weight_strides();
        let count = c_red.next_multiple_of(2) * c_dst.div_ceil(4);
        let flips = usize::from(self.direction == Direction::Backward);
        let params = [c_red, c_dst, stride_red, stride_dst, count, flips].map(word);
        let bindings = vec![Binding::Input(1), Binding::Output];
        Preparation {
            kernel: Kernel::linear("winograd_weights", bindings, params.to_vec(), count)
                .with_cost(4 * POINTS * count),
            values: 4 * POINTS * count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::forward;
    use crate::ops::conv2d::{Conv2d, Geometry};
    use crate::tensor::Shape;

    /// Shaders of a 3×3 convolution with padding 1.
    fn shaders(x: Shape, c_out: usize) -> Vec<&'static str> {
        let op = Conv2d::plain(Geometry {
            padding: [1; 4].into(),
            ..Geometry::default()
        });
        let inputs = [x, Shape::new(c_out, x.c(), 3, 3)];
        let y = Shape::new(x.n(), c_out, x.h(), x.w());
        let ways = forward(&op, &inputs, y);
        ways[0].kernels.iter().map(|kernel| kernel.shader).collect()
    }

    #[test]
    fn many_channels_are_transformed_and_few_are_not() {
        let transformed = ["winograd_input", "conv2d_1x1_quads", "winograd_output"];
        assert_eq!(shaders(Shape::new(1, 64, 28, 28), 64), transformed);
        assert_eq!(shaders(Shape::new(1, 256, 14, 14), 256), transformed);
        assert_eq!(shaders(Shape::new(8, 32, 7, 7), 64), transformed);
        let plain = ["pad_rows", "conv2d_rows"];
        assert_eq!(shaders(Shape::new(1, 1, 28, 28), 64), plain);
        assert_eq!(shaders(Shape::new(1, 64, 224, 224), 2), plain);
        assert_eq!(
            shaders(Shape::new(1, 32, 7, 7), 64),
            plain,
            "half-empty tiles"
        );
    }

    #[test]
    fn points_that_no_buffer_holds_are_not_made() {
        let shaders = shaders(Shape::new(1, 64, 1024, 1024), 64);
        assert!(!shaders.contains(&"winograd_input"), "{shaders:?}");
    }
}
