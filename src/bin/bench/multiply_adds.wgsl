// The most multiply-adds an adapter does: 64 rounds over eight chains of vec4 in registers, nothing read, one value written.

@group(0) @binding(0) var<storage, read_write> results: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> factors: array<vec4<f32>>;

const ROUNDS = 64u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let factor = factors[0];
  let term = factors[1];
  var a = vec4<f32>(f32(id.x));
  var b = a + 1.0;
  var c = a + 2.0;
  var d = a + 3.0;
  var e = a + 4.0;
  var f = a + 5.0;
  var g = a + 6.0;
  var h = a + 7.0;
  for (var round = 0u; round < ROUNDS; round++) {
    a = fma(a, factor, term);
    b = fma(b, factor, term);
    c = fma(c, factor, term);
    d = fma(d, factor, term);
    e = fma(e, factor, term);
    f = fma(f, factor, term);
    g = fma(g, factor, term);
    h = fma(h, factor, term);
  }
  results[id.x] = a + b + c + d + e + f + g + h;
}
