//! State dicts that `torch.save` wrote before `PyTorch` 1.6: pickles one after the other, then the raw storages.

use std::collections::HashMap;
use std::path::Path;

use candle_core::pickle::{Object, Stack, TensorInfo};
use candle_core::{Device, Tensor};

use crate::error::{Error, Result};

/// The pickled number with which such a file begins.
const MAGIC: [u8; 15] = [
    0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e,
];

/// The named tensors of a state dict, in the file's own types.
///
/// # Errors
/// `bad_model` if the file is empty, truncated, or no such file.
pub fn load(bytes: &[u8]) -> Result<HashMap<String, Tensor>> {
    if bytes.is_empty() {
        return Err(Error::bad_model(
            "the weights are empty (0 bytes); download the file again",
        ));
    }
    let mut rest = bytes.strip_prefix(&MAGIC).ok_or_else(|| {
        Error::bad_model("the weights are no state dict in PyTorch's format from before 1.6; save them as safetensors")
    })?;
    // The protocol's version and the byte order of the writer come before the dict.
    for _ in 0..2 {
        unpickle(&mut rest)?;
    }
    let state = unpickle(&mut rest)?;
    let keys = unpickle(&mut rest)?;
    let storages = storages(&tensor_infos(state)?, keys, rest)?;
    storages.into_iter().collect()
}

fn unpickle(rest: &mut &[u8]) -> Result<Object> {
    let mut stack = Stack::empty();
    stack.read_loop(rest).map_err(damaged)?;
    stack.finalize().map_err(damaged)
}

/// What the dict says of its tensors, by the key of the storage that holds their values.
fn tensor_infos(state: Object) -> Result<HashMap<String, Vec<TensorInfo>>> {
    let entries = state.dict().map_err(|_| {
        Error::bad_model("the file holds no state dict; save `model.state_dict()`, not the model")
    })?;
    let mut by_storage: HashMap<String, Vec<TensorInfo>> = HashMap::new();
    for (name, value) in entries {
        if let Some(info) = value
            .into_tensor_info(name, Path::new(""))
            .map_err(damaged)?
        {
            let key = info.path.trim_start_matches('/').to_owned();
            by_storage.entry(key).or_default().push(info);
        }
    }
    Ok(by_storage)
}

/// Walks the storages in the file's order and cuts the tensors out of them.
fn storages(
    infos: &HashMap<String, Vec<TensorInfo>>,
    keys: Object,
    mut rest: &[u8],
) -> Result<Vec<Result<(String, Tensor)>>> {
    let Object::List(keys) = keys else {
        return Err(Error::bad_model("the file does not list its storages"));
    };
    let mut tensors = Vec::new();
    for key in keys {
        let key = key
            .unicode()
            .map_err(|_| Error::bad_model("a storage of the file has no name"))?;
        let length = rest
            .split_first_chunk::<8>()
            .map(|(length, after)| {
                rest = after;
                i64::from_le_bytes(*length)
            })
            .and_then(|length| usize::try_from(length).ok())
            .ok_or_else(|| truncated(&key))?;
        let Some(of_storage) = infos.get(&key) else {
            return Err(Error::bad_model(format!(
                "storage {key} of the file belongs to no tensor"
            )));
        };
        let width = of_storage
            .first()
            .map_or(1, |info| info.dtype.size_in_bytes());
        let (storage, after) = length
            .checked_mul(width)
            .and_then(|size| rest.split_at_checked(size))
            .ok_or_else(|| truncated(&key))?;
        rest = after;
        tensors.extend(of_storage.iter().map(|info| cut(info, storage)));
    }
    Ok(tensors)
}

/// The values of one tensor in row-major order, whatever order they are stored in.
fn cut(info: &TensorInfo, storage: &[u8]) -> Result<(String, Tensor)> {
    let width = info.dtype.size_in_bytes();
    let shape = info.layout.shape();
    gather(info, storage, width)
        .ok_or_else(|| {
            Error::bad_model(format!(
                "'{}' of shape {:?} reaches beyond its storage; download the file again",
                info.name,
                shape.dims()
            ))
        })
        .and_then(|values| {
            Tensor::from_raw_buffer(&values, info.dtype, shape.dims(), &Device::Cpu)
                .map_err(damaged)
        })
        .map(|tensor| (info.name.clone(), tensor))
}

fn gather(info: &TensorInfo, storage: &[u8], width: usize) -> Option<Vec<u8>> {
    let count = info.layout.shape().elem_count();
    // A layout that candle read from a pickle counts its offset in bytes.
    let stored = storage.get(info.layout.start_offset()..)?;
    let size = count
        .checked_mul(width)
        .filter(|&size| size <= stored.len())?;
    let mut values = Vec::with_capacity(size);
    for element in 0..count {
        let at = position(element, info.layout.dims(), info.layout.stride())?.checked_mul(width)?;
        values.extend_from_slice(stored.get(at..at.checked_add(width)?)?);
    }
    Some(values)
}

/// Where the row-major `element` of a tensor lies; `None` where that overflows.
fn position(mut element: usize, dims: &[usize], strides: &[usize]) -> Option<usize> {
    let mut at = 0_usize;
    for (&extent, &stride) in dims.iter().zip(strides).rev() {
        at = at.checked_add((element % extent).checked_mul(stride)?)?;
        element /= extent;
    }
    Some(at)
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "map_err hands the error over"
)]
fn damaged(error: candle_core::Error) -> Error {
    Error::bad_model(format!(
        "the weights cannot be read: {error}; download the file again"
    ))
}

fn truncated(key: &str) -> Error {
    Error::bad_model(format!(
        "the weights end within storage {key}; download the file again"
    ))
}
