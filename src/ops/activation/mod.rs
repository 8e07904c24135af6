//! Activations applied element by element, and their gradients with PyTorch's conventions at the kinks.

pub(in crate::ops) mod gpu;

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::{Kernel, Operator, Real, View};
use crate::tensor::Shape;

/// Which activation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Function {
    /// max(x, 0).
    Relu,
    /// min(max(x, 0), 6).
    Relu6,
    /// x where x > 0, slope · x elsewhere.
    LeakyRelu {
        /// The factor below zero.
        slope: f32,
    },
    /// x · σ(x).
    Silu,
    /// σ(x) = 1 / (1 + e⁻ˣ).
    Sigmoid,
    /// x · min(max(x + 3, 0), 6) / 6.
    HardSwish,
    /// Hyperbolic tangent.
    Tanh,
}

impl Function {
    /// The name in networks as data.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Relu6 => "relu6",
            Self::LeakyRelu { .. } => "leaky_relu",
            Self::Silu => "silu",
            Self::Sigmoid => "sigmoid",
            Self::HardSwish => "hard_swish",
            Self::Tanh => "tanh",
        }
    }

    /// Its number in shaders, where 0 is none.
    #[must_use]
    pub const fn code(self) -> u32 {
        match self {
            Self::Relu => 1,
            Self::Relu6 => 2,
            Self::LeakyRelu { .. } => 3,
            Self::Silu => 4,
            Self::Sigmoid => 5,
            Self::HardSwish => 6,
            Self::Tanh => 7,
        }
    }

    /// The slope below zero of those that have one, else 0.
    #[must_use]
    pub const fn slope(self) -> f32 {
        match self {
            Self::LeakyRelu { slope } => slope,
            _ => 0.0,
        }
    }

    /// (slope, ceiling) of those that are min(max(x, 0) + slope · min(x, 0), ceiling): what a shader can do at its end.
    #[must_use]
    pub const fn bend(self) -> Option<(f32, f32)> {
        match self {
            Self::Relu => Some((0.0, f32::MAX)),
            Self::Relu6 => Some((0.0, 6.0)),
            Self::LeakyRelu { slope } => Some((slope, f32::MAX)),
            Self::Silu | Self::Sigmoid | Self::HardSwish | Self::Tanh => None,
        }
    }

    /// f(x).
    #[inline]
    pub fn apply<T: Real>(self, x: T) -> T {
        let (zero, one, six) = (T::zero(), T::one(), T::of(6.0));
        match self {
            Self::Relu => {
                if x > zero {
                    x
                } else {
                    zero
                }
            }
            Self::Relu6 => {
                if x > zero {
                    if x < six { x } else { six }
                } else {
                    zero
                }
            }
            Self::LeakyRelu { slope } => {
                if x > zero {
                    x
                } else {
                    x * T::of(f64::from(slope))
                }
            }
            Self::Silu => x * sigmoid(x),
            Self::Sigmoid => sigmoid(x),
            Self::HardSwish => x * (x + T::of(3.0)).max(zero).min(six) / six,
            Self::Tanh => {
                let t = sigmoid(x + x);
                t + t - one
            }
        }
    }

    /// Replaces each value by f of it: as [`Self::apply`], with the choice made once.
    pub fn apply_all<T: Real>(self, values: &mut [T]) {
        fn each<T: Real>(values: &mut [T], f: impl Fn(T) -> T) {
            for value in values {
                *value = f(*value);
            }
        }
        match self {
            Self::Relu => each(values, |x| Self::Relu.apply(x)),
            Self::Relu6 => each(values, |x| Self::Relu6.apply(x)),
            Self::LeakyRelu { .. } | Self::Silu | Self::Sigmoid | Self::HardSwish | Self::Tanh => {
                each(values, |x| self.apply(x));
            }
        }
    }

    /// Whether the derivative can be read off the output y = f(x), so that x need not be kept.
    #[must_use]
    pub const fn derivative_from_output(self) -> bool {
        matches!(self, Self::Relu | Self::Relu6 | Self::Sigmoid | Self::Tanh)
    }

    /// f′ at `v`, which is y where [`Self::derivative_from_output`] and x elsewhere. PyTorch's values at the kinks:
    /// relu′(0) = 0, relu6′(0) = relu6′(6) = 0, leaky′(0) = slope, hard-swish′(−3) = 0, hard-swish′(3) = 1.
    pub fn derivative<T: Real>(self, v: T) -> T {
        let (zero, one) = (T::zero(), T::one());
        let step = |inside: bool| if inside { one } else { zero };
        match self {
            Self::Relu => step(v > zero),
            Self::Relu6 => step(v > zero && v < T::of(6.0)),
            Self::LeakyRelu { slope } => {
                if v > zero {
                    one
                } else {
                    T::of(f64::from(slope))
                }
            }
            Self::Silu => {
                let s = sigmoid(v);
                s * (one + v * (one - s))
            }
            Self::Sigmoid => v * (one - v),
            Self::HardSwish => {
                let three = T::of(3.0);
                if v <= -three {
                    zero
                } else if v < three {
                    v / three + T::of(0.5)
                } else {
                    one
                }
            }
            Self::Tanh => one - v * v,
        }
    }
}

impl Function {
    /// Whether f is made of straight pieces that start at 0: relu and its kin.
    #[must_use]
    pub const fn is_rectifier(self) -> bool {
        self.bend().is_some()
    }

    /// The distance of two arguments up to which [`Self::secant`] takes the tangent: a difference of smooth values has lost
    /// its digits there, one of straight pieces is exact.
    #[must_use]
    pub const fn closest(self) -> f32 {
        if self.is_rectifier() { 1e-30 } else { 1e-3 }
    }

    /// (f(x) − f(r)) / (x − r); where x and r are closer than [`Self::closest`], the mean of f′(x) and f′(r).
    pub fn secant<T: Real>(self, x: T, reference: T) -> T {
        let (y1, y0) = (self.apply(x), self.apply(reference));
        if (x - reference).abs() > T::of(f64::from(self.closest())) {
            return (y1 - y0) / (x - reference);
        }
        let slopes = if self.derivative_from_output() {
            self.derivative(y1) + self.derivative(y0)
        } else {
            self.derivative(x) + self.derivative(reference)
        };
        slopes * T::of(0.5)
    }
}

/// σ(x) without overflow for either sign.
fn sigmoid<T: Real>(x: T) -> T {
    let e = (-x.abs()).exp();
    let smaller = e / (T::one() + e);
    if x < T::zero() {
        smaller
    } else {
        T::one() - smaller
    }
}

/// y = f(x), element by element.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Activation {
    /// Which one.
    pub function: Function,
}

impl Operator for Activation {
    fn name(&self) -> &'static str {
        self.function.name()
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [x] => Ok(*x),
            _ => Err(Error::bad_model(format!(
                "an activation takes one input, not {}",
                inputs.len()
            ))),
        }
    }

    fn backward(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        let at = if self.function.derivative_from_output() {
            node
        } else {
            graph.input(node, 0)
        };
        Ok(vec![Some(graph.push(
            ActivationGrad {
                function: self.function,
            },
            &[upstream, at],
        )?)])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], _shape: Shape) {
        // One loop a function, so that the choice stands outside the loop and the compiler can vectorise it.
        macro_rules! each {
            ($function:expr) => {
                for (y, &x) in output.iter_mut().zip(inputs[0].data) {
                    *y = $function.apply(x);
                }
            };
        }
        match self.function {
            Function::Relu => each!(Function::Relu),
            Function::Relu6 => each!(Function::Relu6),
            function => each!(function),
        }
    }

    fn gpu(&self, _inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::forward(self, output)
    }
}

/// dx = dy · f′, element by element: inputs dy and (y or x, see [`Function::derivative_from_output`]).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ActivationGrad {
    /// Which activation.
    pub function: Function,
}

impl Operator for ActivationGrad {
    fn name(&self) -> &'static str {
        "activation_grad"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [upstream, at] if upstream == at => Ok(*upstream),
            _ => Err(Error::bad_model(format!(
                "the gradient of an activation does not fit its value: {inputs:?}"
            ))),
        }
    }

    fn backward(
        &self,
        graph: &mut Graph,
        node: NodeId,
        upstream: NodeId,
        wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        if wanted[1]
            && !matches!(
                self.function,
                Function::Relu | Function::Relu6 | Function::LeakyRelu { .. }
            )
        {
            return Err(Error::unsupported_op(format!(
                "the second derivative of {} is not implemented",
                self.function.name()
            )));
        }
        let at = graph.input(node, 1);
        Ok(vec![Some(graph.push(*self, &[upstream, at])?), None])
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], _shape: Shape) {
        macro_rules! each {
            ($function:expr) => {
                for ((dx, &dy), &v) in output.iter_mut().zip(inputs[0].data).zip(inputs[1].data) {
                    *dx = dy * $function.derivative(v);
                }
            };
        }
        match self.function {
            Function::Relu => each!(Function::Relu),
            Function::Relu6 => each!(Function::Relu6),
            function => each!(function),
        }
    }

    fn gpu(&self, _inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::gradient(self, output)
    }
}

/// dx = dy · (f(x) − f(r)) / (x − r), element by element: inputs dy, x and the reference r, see [`Function::secant`]. The
/// multiplier of `DeepLIFT`'s rescale rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ActivationSecant {
    /// Which activation.
    pub function: Function,
}

impl Operator for ActivationSecant {
    fn name(&self) -> &'static str {
        "activation_secant"
    }

    fn shape(&self, inputs: &[Shape]) -> Result<Shape> {
        match inputs {
            [upstream, x, reference] if upstream == x && x == reference => Ok(*upstream),
            _ => Err(Error::bad_model(format!(
                "the secant of an activation does not fit its value: {inputs:?}"
            ))),
        }
    }

    fn backward(
        &self,
        _graph: &mut Graph,
        _node: NodeId,
        _upstream: NodeId,
        _wanted: &[bool],
    ) -> Result<Vec<Option<NodeId>>> {
        Err(Error::unsupported_op(
            "no gradient passes through a backward rule's secant",
        ))
    }

    fn cpu<T: Real>(&self, inputs: &[View<'_, T>], output: &mut [T], _shape: Shape) {
        let arguments = inputs[1].data.iter().zip(inputs[2].data);
        for ((dx, &dy), (&x, &reference)) in output.iter_mut().zip(inputs[0].data).zip(arguments) {
            *dx = dy * self.function.secant(x, reference);
        }
    }

    fn gpu(&self, _inputs: &[Shape], output: Shape) -> Result<Vec<Kernel>> {
        gpu::secant(self, output)
    }
}
