// What an adapter copies from one storage buffer to another: each invocation moves one vec4.

@group(0) @binding(0) var<storage, read_write> results: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> source: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  results[id.x] = source[id.x];
}
