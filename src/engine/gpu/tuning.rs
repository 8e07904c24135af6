//! Which way each layer is computed: what was measured on this device, or what the operators' own rules prefer.

use std::collections::BTreeMap;

use super::{Buffer, Gpu, wait};
use crate::engine::control::Control;
use crate::error::Result;
use crate::ops::conv2d::Geometry;
use crate::ops::{Kernel, Op, Operator as _, Way};
use crate::tensor::Shape;

/// The name of the way that was chosen for each kind of layer, by [`Layer::name`].
pub type Choices = BTreeMap<String, String>;

/// Another way is preferred to the rule's only if it takes less than this share of its time: what is measured scatters.
const CLEARLY_FASTER: f64 = 0.95;
/// A measurement takes at least that many milliseconds, as clocks in browsers are coarse.
const LONG_ENOUGH: f64 = 2.0;
/// Repetitions at most.
const MAX_REPETITIONS: usize = 256;

/// An operator with the extents of what it is given and what it gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// The operator.
    pub op: Op,
    /// Its inputs.
    pub inputs: Vec<Shape>,
    /// Its output.
    pub output: Shape,
}

impl Layer {
    /// A name for all layers that are computed alike, such as "conv2d 64x56x56 by 64x64x3x3 to 64x56x56, padding 1 1 1 1",
    /// whatever the number of pictures. `None` for operators that have one way only.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        let (geometry, x, weight, y) = match &self.op {
            Op::Conv2d(op) => (op.geometry, self.inputs[0], self.inputs[1], self.output),
            Op::Conv2dInputGrad(op) => (op.geometry, self.output, self.inputs[1], self.inputs[0]),
            Op::Conv2dWeightGrad(op) => (op.geometry, self.inputs[0], self.output, self.inputs[1]),
            _ => return None,
        };
        let map = |shape: Shape| format!("{}x{}x{}", shape.c(), shape.h(), shape.w());
        let mut name = format!(
            "{} {} by {}x{} to {}",
            self.op.name(),
            map(x),
            weight.n(),
            map(weight),
            map(y)
        );
        let plain = Geometry::default();
        let [top, bottom, left, right] = geometry.padding.into();
        for (differs, words) in [
            (
                geometry.stride != plain.stride,
                format!("stride {} {}", geometry.stride[0], geometry.stride[1]),
            ),
            (
                geometry.padding != plain.padding,
                format!("padding {top} {bottom} {left} {right}"),
            ),
            (
                geometry.dilation != plain.dilation,
                format!("dilation {} {}", geometry.dilation[0], geometry.dilation[1]),
            ),
            (
                geometry.groups != plain.groups,
                format!("groups {}", geometry.groups),
            ),
        ] {
            if differs {
                name.push_str(", ");
                name.push_str(&words);
            }
        }
        Some(name)
    }

    fn ways(&self) -> Result<Vec<Way>> {
        self.op.gpu_ways(&self.inputs, self.output)
    }
}

impl Gpu {
    /// What is chosen so far.
    #[must_use]
    pub fn choices(&self) -> Choices {
        self.0.choices.borrow().clone()
    }

    /// Chooses for what is compiled from now on. Names of layers or ways that there are not have no effect.
    pub fn choose(&self, choices: Choices) {
        self.0.choices.borrow_mut().extend(choices);
    }

    /// The dispatches of an operator, in the way that is chosen for it.
    ///
    /// # Errors
    /// Those of [`crate::ops::Operator::gpu`].
    pub fn kernels(&self, layer: &Layer) -> Result<Vec<Kernel>> {
        let choices = self.0.choices.borrow();
        let chosen = layer.name().and_then(|name| choices.get(&name));
        if let Some(chosen) = chosen
            && let Some(way) = layer.ways()?.into_iter().find(|way| way.name == chosen)
        {
            return Ok(way.kernels);
        }
        layer.op.gpu(&layer.inputs, layer.output)
    }

    /// Measures the ways of layers for which nothing is chosen, those with the most multiply-adds first, and chooses the
    /// fastest, until the time is over; the rest is left to the operators' rules, or to another call.
    ///
    /// # Errors
    /// `aborted`; `device_lost`; those of allocations.
    pub async fn tune(&self, layers: &[Layer], milliseconds: f64, control: &Control) -> Result<()> {
        let began = wait::now();
        let is_over = || wait::now() - began > milliseconds;
        for (name, layer) in self.unknown(layers) {
            let ways = layer.ways()?;
            let mut best = ("", f64::INFINITY);
            for way in ways {
                if is_over() {
                    return Ok(());
                }
                let elapsed = self.time(layer, &way.kernels, control).await?;
                if elapsed < CLEARLY_FASTER * best.1 {
                    best = (way.name, elapsed);
                }
            }
            self.choose(Choices::from([(name, best.0.to_owned())]));
        }
        Ok(())
    }

    /// Layers with several ways of which none is chosen, each once, the heaviest first.
    fn unknown<'a>(&self, layers: &'a [Layer]) -> Vec<(String, &'a Layer)> {
        let choices = self.0.choices.borrow();
        let mut unknown: BTreeMap<String, &Layer> = BTreeMap::new();
        for layer in layers {
            if let Some(name) = layer.name()
                && !choices.contains_key(&name)
                && layer.ways().is_ok_and(|ways| ways.len() > 1)
            {
                unknown.insert(name, layer);
            }
        }
        let mut unknown: Vec<(String, &Layer)> = unknown.into_iter().collect();
        unknown.sort_by_key(|(_, layer)| {
            std::cmp::Reverse(layer.op.macs(&layer.inputs, layer.output))
        });
        unknown
    }

    /// Buffers for a layer's inputs and its output. What stands in them is ordinary: numbers too small for a normal float
    /// would slow a software adapter down.
    fn operands(&self, layer: &Layer) -> Result<Vec<Buffer>> {
        let shapes = layer.inputs.iter().chain([&layer.output]);
        shapes
            .map(|shape| {
                let buffer = self.allocate(shape.len())?;
                self.upload(&buffer, &vec![0.5; shape.len()]);
                Ok(buffer)
            })
            .collect()
    }

    /// Milliseconds that dispatches of a layer take once they are compiled.
    ///
    /// # Errors
    /// As [`Gpu::tune`].
    pub(super) async fn time(
        &self,
        layer: &Layer,
        kernels: &[Kernel],
        control: &Control,
    ) -> Result<f64> {
        let buffers = self.operands(layer)?;
        let steps: Vec<(Kernel, Vec<Buffer>)> = kernels
            .iter()
            .map(|kernel| (kernel.clone(), buffers.clone()))
            .collect();
        let recording = self.compile(&steps)?;
        self.run(&recording, control).await?;
        self.finish().await?;
        let mut repetitions = 1;
        loop {
            let start = wait::now();
            self.repeat(&recording, repetitions, control).await?;
            self.finish().await?;
            let elapsed = wait::now() - start;
            if elapsed >= LONG_ENOUGH || repetitions >= MAX_REPETITIONS {
                return Ok(elapsed / repetitions as f64);
            }
            repetitions *= 4;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::conv2d::{Conv2d, Conv2dInputGrad};

    #[test]
    fn a_name_tells_layers_apart_but_not_their_numbers_of_pictures() {
        let layer = |pictures: usize, stride: usize| Layer {
            op: Conv2d::plain(Geometry {
                stride: [stride; 2],
                padding: [1; 4].into(),
                ..Geometry::default()
            })
            .into(),
            inputs: vec![Shape::new(pictures, 8, 9, 9), Shape::new(4, 8, 3, 3)],
            output: Shape::new(pictures, 4, 9 / stride, 9 / stride),
        };
        let name = layer(1, 1).name();
        let words = "conv2d 8x9x9 by 4x8x3x3 to 4x9x9, padding 1 1 1 1";
        assert_eq!(name.as_deref(), Some(words));
        assert_eq!(layer(5, 1).name(), name);
        assert_ne!(layer(1, 2).name(), name);
        let back = Layer {
            op: Conv2dInputGrad {
                geometry: Geometry::default(),
                input: Shape::new(1, 8, 9, 9),
            }
            .into(),
            inputs: vec![Shape::new(1, 4, 9, 9), Shape::new(4, 8, 1, 1)],
            output: Shape::new(1, 8, 9, 9),
        };
        assert_eq!(
            back.name().as_deref(),
            Some("conv2d_input_grad 8x9x9 by 4x8x1x1 to 4x9x9")
        );
    }
}
