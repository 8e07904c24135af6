//! Networks as data: a JSON graph and named weights, the form in which networks ship.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::graph::{Graph, NodeId};
use crate::ops::Op;
use crate::ops::activation::{Activation, Function};
use crate::ops::batch_norm::BatchNorm;
use crate::ops::binary::Binary;
use crate::ops::concat::Concat;
use crate::ops::conv2d::{Conv2d, Geometry, Padding};
use crate::ops::linear::Linear;
use crate::ops::pool::{AvgPool2d, MaxPool2d, Window};
use crate::ops::reshape::Reshape;
use crate::ops::softmax::Softmax;
use crate::tensor::{Shape, Tensor};

/// A loaded network: its graph for one picture, and where it begins and ends.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The name it was given.
    pub name: String,
    /// The graph, for a batch of one.
    pub graph: Graph,
    /// The picture.
    pub input: NodeId,
    /// What the network says.
    pub output: NodeId,
    /// Whether the file came with batch norm folded into its convolutions, so that its kernels are scaled ones.
    pub folded: bool,
}

/// Builds the graph of a network as data over its weights.
///
/// # Errors
/// `bad_model` where the JSON, a shape or a weight does not fit, with the node's name; `unsupported_op` with the
/// operator's name.
pub fn load(json: &str, weights: &HashMap<String, Tensor>) -> Result<Loaded> {
    let value: Value = serde_json::from_str(json)
        .map_err(|error| Error::bad_model(format!("the graph is no JSON: {error}")))?;
    let root = Attributes::of(&value, "the graph")?;
    let name = root.text("name").unwrap_or("network").to_owned();
    let input = Attributes::of(root.required("input")?, "the graph's 'input'")?;
    let shape = input.extents("shape", 3)?;
    let mut builder = Builder {
        graph: Graph::default(),
        weights,
    };
    let input_name = input.text("name").unwrap_or("input");
    let input = builder
        .graph
        .feed(input_name, Shape::new(1, shape[0], shape[1], shape[2]))?;
    let nodes = root
        .required("nodes")?
        .as_array()
        .filter(|nodes| !nodes.is_empty())
        .ok_or_else(|| {
            Error::bad_model("the graph's 'nodes' must be a list with at least one node")
        })?;
    let mut last = input;
    for node in nodes {
        last = builder.node(node)?;
    }
    let output = match root.text("output") {
        Some(output) => builder.graph.find(output).ok_or_else(|| {
            Error::bad_model(format!(
                "the graph's output '{output}' is not among its nodes"
            ))
        })?,
        None => last,
    };
    Ok(Loaded {
        name,
        graph: builder.graph,
        input,
        output,
        folded: root.flag("folded", false)?,
    })
}

struct Builder<'w> {
    graph: Graph,
    weights: &'w HashMap<String, Tensor>,
}

impl Builder<'_> {
    fn node(&mut self, value: &Value) -> Result<NodeId> {
        let anonymous = Attributes::of(value, "a node")?;
        let name = anonymous
            .text("name")
            .filter(|name| !name.is_empty())
            .ok_or_else(|| {
                Error::bad_model(format!(
                    "every node needs a 'name'; this one has none: {value}"
                ))
            })?;
        let node = Attributes {
            place: format!("node '{name}'"),
            ..anonymous
        };
        let op = node
            .text("op")
            .ok_or_else(|| Error::bad_model(format!("{} has no 'op'", node.place)))?;
        let mut inputs = self.inputs(&node)?;
        let op = self.operator(op, &node, &mut inputs)?;
        self.graph.add(name, op, &inputs)
    }

    fn inputs(&self, node: &Attributes<'_>) -> Result<Vec<NodeId>> {
        let names = node
            .required("inputs")?
            .as_array()
            .filter(|names| !names.is_empty());
        let names = names
            .ok_or_else(|| Error::bad_model(format!("{}: 'inputs' must list names", node.place)))?;
        names
            .iter()
            .map(|name| {
                name.as_str()
                    .and_then(|name| self.graph.find(name))
                    .ok_or_else(|| {
                        Error::bad_model(format!(
                            "{} reads {name}, which is neither the input nor an earlier node",
                            node.place
                        ))
                    })
            })
            .collect()
    }

    /// Appends the parameter that attribute `key` names, with its values' shape.
    fn parameter(&mut self, node: &Attributes<'_>, key: &str) -> Result<Option<NodeId>> {
        let Some(name) = node.text(key) else {
            return Ok(None);
        };
        if let Some(known) = self.graph.find(name) {
            return Ok(Some(known));
        }
        let tensor = self.weights.get(name).ok_or_else(|| {
            Error::bad_model(format!(
                "{}: its {key} '{name}' is not among the weights",
                node.place
            ))
        })?;
        let shape = tensor.parameter_shape();
        if let Some(position) = tensor.data().iter().position(|value| !value.is_finite()) {
            return Err(Error::bad_model(format!(
                "weight '{name}' holds {} at position {position}; a network needs finite numbers",
                tensor.data()[position]
            )));
        }
        self.graph.parameter(name, shape).map(Some)
    }

    fn required_parameter(&mut self, node: &Attributes<'_>, key: &str) -> Result<NodeId> {
        self.parameter(node, key)?.ok_or_else(|| {
            Error::bad_model(format!(
                "{} needs a '{key}': the name of a weight",
                node.place
            ))
        })
    }

    fn operator(
        &mut self,
        op: &str,
        node: &Attributes<'_>,
        inputs: &mut Vec<NodeId>,
    ) -> Result<Op> {
        let activation = |function| Ok(Activation { function }.into());
        match op {
            "conv2d" => {
                inputs.push(self.required_parameter(node, "weight")?);
                inputs.extend(self.parameter(node, "bias")?);
                Ok(Conv2d::plain(node.geometry()?).into())
            }
            "linear" => {
                inputs.push(self.required_parameter(node, "weight")?);
                inputs.extend(self.parameter(node, "bias")?);
                Ok(Linear.into())
            }
            "batch_norm" => {
                for key in ["weight", "bias", "mean", "variance"] {
                    inputs.push(self.required_parameter(node, key)?);
                }
                Ok(BatchNorm {
                    epsilon: node.number("epsilon", 1e-5)?,
                }
                .into())
            }
            "relu" => activation(Function::Relu),
            "relu6" => activation(Function::Relu6),
            "leaky_relu" => activation(Function::LeakyRelu {
                slope: node.number("slope", 0.01)?,
            }),
            "silu" => activation(Function::Silu),
            "sigmoid" => activation(Function::Sigmoid),
            "tanh" => activation(Function::Tanh),
            "hard_swish" | "hardswish" => activation(Function::HardSwish),
            "max_pool2d" => Ok(MaxPool2d {
                window: node.window()?,
            }
            .into()),
            "avg_pool2d" => {
                let count_include_pad = node.flag("countIncludePad", true)?;
                Ok(AvgPool2d {
                    window: node.window()?,
                    count_include_pad,
                    global: false,
                }
                .into())
            }
            "global_avg_pool" => {
                let window = Window::global(self.graph.shape(inputs[0]));
                Ok(AvgPool2d {
                    window,
                    count_include_pad: true,
                    global: true,
                }
                .into())
            }
            "add" => Ok(Binary::ADD.into()),
            "sub" => Ok(Binary::SUB.into()),
            "mul" => Ok(Binary::MUL.into()),
            "concat" => Ok(Concat.into()),
            "flatten" => {
                let x = self.graph.shape(inputs[0]);
                Ok(Reshape {
                    shape: Shape::new(x.n(), x.picture(), 1, 1),
                }
                .into())
            }
            "softmax" => Ok(Softmax.into()),
            other => Err(Error::unsupported_op(format!(
                "{} uses the operator '{other}', which convscope does not have",
                node.place
            ))),
        }
    }
}

/// A JSON object with the words to say where it stands.
struct Attributes<'v> {
    place: String,
    map: &'v Map<String, Value>,
}

impl<'v> Attributes<'v> {
    fn of(value: &'v Value, place: &str) -> Result<Self> {
        let map = value
            .as_object()
            .ok_or_else(|| Error::bad_model(format!("{place} must be an object, not {value}")))?;
        Ok(Self {
            place: place.to_owned(),
            map,
        })
    }

    /// An attribute, `None` where it is missing or null.
    fn get(&self, key: &str) -> Option<&'v Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    fn required(&self, key: &str) -> Result<&'v Value> {
        self.get(key)
            .ok_or_else(|| Error::bad_model(format!("{} has no '{key}'", self.place)))
    }

    fn text(&self, key: &str) -> Option<&'v str> {
        self.get(key).and_then(Value::as_str)
    }

    fn wrong(&self, key: &str, expected: &str) -> Error {
        let value = self.get(key).map_or_else(String::new, Value::to_string);
        Error::bad_model(format!(
            "{}: '{key}' must be {expected}, not {value}",
            self.place
        ))
    }

    #[allow(
        clippy::cast_possible_truncation,
        reason = "attributes are rounded to the engine's f32"
    )]
    fn number(&self, key: &str, default: f32) -> Result<f32> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => value
                .as_f64()
                .map(|number| number as f32)
                .ok_or_else(|| self.wrong(key, "a number")),
        }
    }

    fn flag(&self, key: &str, default: bool) -> Result<bool> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => value
                .as_bool()
                .ok_or_else(|| self.wrong(key, "true or false")),
        }
    }

    /// A list of `count` whole numbers; each at most 2^24, which no real network exceeds.
    fn extents(&self, key: &str, count: usize) -> Result<Vec<usize>> {
        let expected = || self.wrong(key, &format!("{count} whole numbers"));
        let list = self
            .required(key)?
            .as_array()
            .filter(|list| list.len() == count)
            .ok_or_else(expected)?;
        list.iter()
            .map(|value| whole(value).ok_or_else(expected))
            .collect()
    }

    /// One whole number for both axes, or a pair (rows, columns).
    fn pair(&self, key: &str, default: [usize; 2]) -> Result<[usize; 2]> {
        match self.get(key) {
            None => Ok(default),
            Some(value) => {
                if let Some(both) = whole(value) {
                    return Ok([both, both]);
                }
                let pair = self.extents(key, 2)?;
                Ok([pair[0], pair[1]])
            }
        }
    }

    /// `[top, bottom, left, right]`, a pair (rows, columns), or one number for all sides.
    fn padding(&self) -> Result<Padding> {
        match self.get("padding") {
            Some(Value::Array(list)) if list.len() == 4 => {
                let sides = self.extents("padding", 4)?;
                Ok([sides[0], sides[1], sides[2], sides[3]].into())
            }
            _ => {
                let [rows, columns] = self.pair("padding", [0, 0])?;
                Ok([rows, rows, columns, columns].into())
            }
        }
    }

    fn geometry(&self) -> Result<Geometry> {
        let groups = self
            .get("groups")
            .map_or(Some(1), whole)
            .ok_or_else(|| self.wrong("groups", "a whole number"))?;
        Ok(Geometry {
            stride: self.pair("stride", [1, 1])?,
            padding: self.padding()?,
            dilation: self.pair("dilation", [1, 1])?,
            groups,
        })
    }

    fn window(&self) -> Result<Window> {
        self.required("kernel")?;
        let kernel = self.pair("kernel", [0, 0])?;
        Ok(Window {
            kernel,
            stride: self.pair("stride", kernel)?,
            padding: self.padding()?,
            ceil: self.flag("ceil", false)?,
        })
    }
}

fn whole(value: &Value) -> Option<usize> {
    value
        .as_u64()
        .and_then(|number| usize::try_from(number).ok())
        .filter(|&number| number <= 1 << 24)
}
