//! Weights from safetensors files of any float type, read by candle.

use std::collections::HashMap;

use candle_core::{DType, Device};

use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// The named tensors of a safetensors file as f32.
///
/// # Errors
/// `bad_model` if the file is empty, truncated or damaged.
pub fn load(bytes: &[u8]) -> Result<HashMap<String, Tensor>> {
    if bytes.is_empty() {
        return Err(Error::bad_model(
            "the weights are empty (0 bytes); download the file again",
        ));
    }
    let damaged = |error: candle_core::Error| {
        Error::bad_model(format!(
            "the weights ({} bytes) are no complete safetensors file: {error}; download the file again",
            bytes.len()
        ))
    };
    let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu).map_err(damaged)?;
    tensors
        .into_iter()
        .map(|(name, tensor)| {
            let shape = if tensor.rank() == 0 {
                vec![1]
            } else {
                tensor.dims().to_vec()
            };
            if shape.len() > 4 {
                return Err(Error::bad_model(format!(
                    "weight '{name}' has {} extents, at most 4 are known",
                    shape.len()
                )));
            }
            let values = tensor
                .to_dtype(DType::F32)
                .and_then(|tensor| tensor.flatten_all())
                .and_then(|tensor| tensor.to_vec1::<f32>())
                .map_err(damaged)?;
            Ok((name, Tensor::new(values, shape)?))
        })
        .collect()
}
