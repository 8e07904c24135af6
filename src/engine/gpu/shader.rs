//! The shaders by name. Each stands in a file beside its operator; the only thing added to WGSL is a line
//! `#import name`, which stands for the file `ops/shared/name.wgsl`; that may import others.

macro_rules! table {
    ($($name:literal in $folder:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../ops/", $folder, "/", $name, ".wgsl")))),*]
    };
}

/// (name, text).
type Table = &'static [(&'static str, &'static str)];

const SHADERS: Table = table![
    "activation" in "activation",
    "activation_grad" in "activation",
    "activation_secant" in "activation",
    "adam_moment" in "adam",
    "adam_update" in "adam",
    "lbfgs_step" in "lbfgs",
    "affine_sample" in "affine",
    "affine_sample_grad" in "affine",
    "avg_pool" in "pool",
    "avg_pool_grad" in "pool",
    "batch_norm" in "batch_norm",
    "batch_norm_scale" in "batch_norm",
    "batch_norm_shift" in "batch_norm",
    "batch_norm_sums" in "batch_norm",
    "batch_norm_train_grad" in "batch_norm",
    "batch_statistics" in "batch_norm",
    "binary" in "binary",
    "binary_broadcast" in "binary",
    "conv2d" in "conv2d",
    "conv2d_1x1" in "conv2d",
    "conv2d_1x1_quads" in "conv2d",
    "conv2d_1x1_shared" in "conv2d",
    "conv2d_1x1_small" in "conv2d",
    "conv2d_1x1_weight_grad" in "conv2d",
    "conv2d_3x3_weight_grad" in "conv2d",
    "conv2d_pack" in "conv2d",
    "conv2d_rows" in "conv2d",
    "conv2d_strips_weight_grad" in "conv2d",
    "conv2d_weight_grad" in "conv2d",
    "copy_runs" in "concat",
    "cross_entropy" in "cross_entropy",
    "cross_entropy_grad" in "cross_entropy",
    "depthwise" in "conv2d",
    "depthwise_strips" in "conv2d",
    "depthwise_strips_weight_grad" in "conv2d",
    "depthwise_weight_grad" in "conv2d",
    "dot" in "reduce",
    "inverse_root" in "inverse_root",
    "linear_vector" in "linear",
    "max_pool" in "pool",
    "max_pool_grad" in "pool",
    "norm_gate" in "norm_gate",
    "pad_rows" in "conv2d",
    "product" in "linear",
    "quotient" in "quotient",
    "running_statistics" in "batch_norm",
    "scale" in "scale",
    "softmax" in "softmax",
    "softmax_grad" in "softmax",
    "sum" in "reduce",
    "total_variation" in "total_variation",
    "total_variation_grad" in "total_variation",
    "transpose" in "reshape",
    "winograd_input" in "conv2d",
    "winograd_output" in "conv2d",
    "winograd_weights" in "conv2d",
];

const SHARED: Table = table![
    "activation_derivatives" in "shared",
    "activations" in "shared",
    "bend" in "shared",
    "conv_axis" in "shared",
    "conv_sums" in "shared",
    "conv_window" in "shared",
    "load_residual" in "shared",
    "pool_axis" in "shared",
    "product_block" in "shared",
    "product_sums" in "shared",
    "put_four" in "shared",
    "put_product" in "shared",
    "residual" in "shared",
    "strip_columns" in "shared",
    "strip_runs" in "shared",
    "tap_sums" in "shared",
    "workgroup_reduce" in "shared",
];

fn find(table: Table, name: &str) -> Option<&'static str> {
    table
        .iter()
        .find(|(key, _)| *key == name)
        .map(|(_, text)| *text)
}

/// The text of a shader with its imports in place.
#[must_use]
pub fn source(name: &str) -> Option<String> {
    expand(find(SHADERS, name)?)
}

/// A text with its imports in place, and those of what it imports.
fn expand(text: &str) -> Option<String> {
    let mut expanded = String::new();
    for line in text.lines() {
        match line.strip_prefix("#import ") {
            Some(import) => expanded.push_str(&expand(find(SHARED, import.trim())?)?),
            None => expanded.push_str(line),
        }
        expanded.push('\n');
    }
    Some(expanded)
}

/// Every shader as (name, text), for whoever wants to compile them all.
#[must_use]
pub fn all_shaders() -> Vec<(&'static str, String)> {
    SHADERS
        .iter()
        .filter_map(|(name, _)| source(name).map(|text| (*name, text)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{SHADERS, all_shaders};

    #[test]
    fn every_import_exists() {
        assert_eq!(
            all_shaders().len(),
            SHADERS.len(),
            "a shader imports what is not there"
        );
    }

    #[test]
    fn every_shader_parses_and_validates() {
        for (name, text) in all_shaders() {
            let module = naga::front::wgsl::parse_str(&text)
                .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(&text)));
            naga::valid::Validator::new(
                naga::valid::ValidationFlags::all(),
                naga::valid::Capabilities::empty(),
            )
            .validate(&module)
            .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(&text)));
        }
    }

    /// naga accepts a barrier in control flow that is not uniform, browsers do not; the classic slip is an early return.
    #[test]
    fn no_shader_returns_from_main_above_a_barrier() {
        for (name, text) in all_shaders() {
            let Some(main) = text.find("fn main(") else {
                panic!("{name} has no main");
            };
            if let Some(barrier) = text.rfind("workgroupBarrier()") {
                assert!(
                    barrier < main || !text[main..barrier].contains("return"),
                    "{name} returns above a barrier"
                );
            }
        }
    }

    #[test]
    fn every_shader_says_what_it_computes() {
        for (name, text) in all_shaders() {
            assert!(text.starts_with("// "), "{name} has no header line");
        }
    }
}
