// What a product of weights with the channels of pictures is given.

struct Params {
    base: vec4u,
    plane: u32, // H · W
    src_quads: u32, // vec4s of a plane of src
    tiles: u32, // of an invocation's positions
    C_src: u32,
    C_dst: u32,
    weight_step: u32, // vec4s between the weights of two pictures; 0 where all have one
    count: u32, // invocations with work
    has_bias: u32,
    slope: f32, // of the activation, below zero
    ceiling: f32, // of the activation
}

@group(0) @binding(0) var<storage, read> src: array<vec4f>; // [N · C_src][src_quads]
@group(0) @binding(1) var<storage, read> weights: array<vec4f>; // [1 or N][C_src, to 2][C_dst / 4]
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<uniform> p: Params;
