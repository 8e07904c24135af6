//! The operators: one folder each, with its shape rule, its backward rule, its CPU kernel and its shaders.
//!
//! Every operator has one output. Backward is emitted as more nodes of the same operators, so whatever holds for
//! forward (shapes, kernels, lowering, tests) holds for it.

use crate::error::Result;
use crate::graph::{Graph, NodeId};
use crate::tensor::Shape;

pub mod activation;
pub mod adam;
pub mod affine;
pub mod batch_norm;
pub mod binary;
pub mod concat;
pub mod conv2d;
pub mod cross_entropy;
pub mod gemm;
pub mod gram;
pub mod inverse_root;
pub mod lbfgs;
pub mod leaf;
pub mod linear;
pub mod norm_gate;
pub mod pool;
pub mod quotient;
pub mod real;
pub mod reduce;
pub mod reshape;
pub mod scale;
pub mod scratch;
pub mod softmax;
#[cfg(test)]
pub mod testing;
pub mod total_variation;

pub mod kernel;

pub use kernel::{Binding, Kernel, Way};
pub use real::Real;

/// A tensor that a CPU kernel reads.
#[derive(Debug, Clone, Copy)]
pub struct View<'a, T> {
    /// Row-major values.
    pub data: &'a [T],
    /// Their extents.
    pub shape: Shape,
}

/// What an operator knows: shapes, gradient, arithmetic.
pub trait Operator {
    /// Its name as in API.md.
    fn name(&self) -> &'static str;

    /// The output's shape.
    ///
    /// # Errors
    /// `bad_model` when the inputs do not fit, with the extents that clash.
    fn shape(&self, inputs: &[Shape]) -> Result<Shape>;

    /// Emits the nodes that carry `upstream`, the gradient at this node's output, to each input for which `wanted` is true.
    ///
    /// # Errors
    /// `unsupported_op` where there is no gradient.
    fn backward(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>>;

    /// Computes the output on slices. `output` holds whatever was there before; every value of it is written.
    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape);

    /// The dispatches that compute the output on a GPU.
    ///
    /// # Errors
    /// `out_of_memory` or `unsupported_op` where a device could not hold or run it.
    fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>>;

    /// All ways to compute the output on a GPU, [`Operator::gpu`]'s first: a rule from the sizes prefers it.
    ///
    /// # Errors
    /// As [`Operator::gpu`].
    fn gpu_ways(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Way>> {
        let kernels = self.gpu(inputs, output)?;
        Ok(vec![Way {
            name: "only",
            kernels,
        }])
    }

    /// Multiply-adds of one evaluation, for convolutions and linear layers; 0 for the rest.
    fn macs(&self, _inputs: &[Shape], _output: Shape) -> u64 {
        0
    }
}

macro_rules! operators {
    ($($variant:ident($operator:ty)),* $(,)?) => {
        /// Any operator.
        #[derive(Debug, Clone, PartialEq)]
        #[allow(missing_docs, reason = "each variant is documented at the operator it holds")]
        pub enum Op {
            $($variant($operator),)*
        }

        $(impl From<$operator> for Op {
            fn from(operator: $operator) -> Self {
                Self::$variant(operator)
            }
        })*

        impl Operator for Op {
            fn name(&self) -> &'static str {
                match self { $(Self::$variant(op) => op.name(),)* }
            }
            fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
                match self { $(Self::$variant(op) => op.shape(inputs),)* }
            }
            fn backward(&self, graph: &mut Graph, node: NodeId, upstream: NodeId, wanted: &[bool]) -> Result<Vec<Option<NodeId>>> {
                match self { $(Self::$variant(op) => op.backward(graph, node, upstream, wanted),)* }
            }
            fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], shape: Shape) {
                match self { $(Self::$variant(op) => op.cpu(inputs, output, shape),)* }
            }
            fn gpu(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
                match self { $(Self::$variant(op) => op.gpu(inputs, output),)* }
            }
            fn gpu_ways(&self, inputs: &[Shape], output: Shape) -> Result<Vec<Way>> {
                match self { $(Self::$variant(op) => op.gpu_ways(inputs, output),)* }
            }
            fn macs(&self, inputs: &[Shape], output: Shape) -> u64 {
                match self { $(Self::$variant(op) => op.macs(inputs, output),)* }
            }
        }
    };
}

operators! {
    Feed(leaf::Feed),
    Parameter(leaf::Parameter),
    Constant(leaf::Constant),
    Conv2d(conv2d::Conv2d),
    Conv2dInputGrad(conv2d::Conv2dInputGrad),
    Conv2dWeightGrad(conv2d::Conv2dWeightGrad),
    Linear(linear::Linear),
    LinearInputGrad(linear::LinearInputGrad),
    LinearWeightGrad(linear::LinearWeightGrad),
    MaxPool2d(pool::MaxPool2d),
    MaxPool2dArgmax(pool::MaxPool2dArgmax),
    MaxPool2dInputGrad(pool::MaxPool2dInputGrad),
    AvgPool2d(pool::AvgPool2d),
    AvgPool2dInputGrad(pool::AvgPool2dInputGrad),
    Activation(activation::Activation),
    ActivationGrad(activation::ActivationGrad),
    ActivationSecant(activation::ActivationSecant),
    BatchNorm(batch_norm::BatchNorm),
    BatchNormScale(batch_norm::BatchNormScale),
    BatchNormShift(batch_norm::BatchNormShift),
    BatchStatistics(batch_norm::BatchStatistics),
    BatchNormTrain(batch_norm::BatchNormTrain),
    BatchNormTrainInputGrad(batch_norm::BatchNormTrainInputGrad),
    RunningStatistics(batch_norm::RunningStatistics),
    Binary(binary::Binary),
    Quotient(quotient::Quotient),
    Scale(scale::Scale),
    SumTo(reduce::SumTo),
    Expand(reduce::Expand),
    Dot(reduce::Dot),
    Concat(concat::Concat),
    Slice(concat::Slice),
    Reshape(reshape::Reshape),
    Transpose(reshape::Transpose),
    Softmax(softmax::Softmax),
    SoftmaxGrad(softmax::SoftmaxGrad),
    CrossEntropy(cross_entropy::CrossEntropy),
    CrossEntropyGrad(cross_entropy::CrossEntropyGrad),
    Gram(gram::Gram),
    GramInputGrad(gram::GramInputGrad),
    TotalVariation(total_variation::TotalVariation),
    TotalVariationGrad(total_variation::TotalVariationGrad),
    AffineSample(affine::AffineSample),
    AffineSampleInputGrad(affine::AffineSampleInputGrad),
    InverseRoot(inverse_root::InverseRoot),
    NormGate(norm_gate::NormGate),
    AdamMoment(adam::AdamMoment),
    AdamUpdate(adam::AdamUpdate),
    LbfgsStep(lbfgs::LbfgsStep),
}
