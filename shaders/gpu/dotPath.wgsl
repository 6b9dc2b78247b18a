import package::shared::integerDot::{bytePairScale, scaledBytes};

@if(packed) requires packed_4x8_integer_dot_product;

// Measures how fast an adapter multiplies packed 8-bit integers: 64 rounds of 4 x 4 dot products in registers, as in
// the inner loop of a matrix product. Condition: packed, for dot4I8Packed instead of f32 products of unpacked bytes.
//
// y: [invocations], something that depends on all the products. Dispatch: any number of workgroups in x.

struct Uniforms {
  seed: u32,
}

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;

@if(packed) alias Sum = i32;
@else alias Sum = f32;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  var sums: array<Sum, 16>;
  var words = vec4u(1u, 3u, 5u, 7u) * (uniforms.seed + id.x);
  for (var round = 0u; round < 64u; round++) {
    words = words * 1664525u + 1013904223u;
    let columns = words ^ (words >> vec4u(7u));
    @if(packed) for (var i = 0u; i < 4u; i++) {
      for (var j = 0u; j < 4u; j++) {
        sums[i * 4u + j] += dot4I8Packed(words[i], columns[j]);
      }
    }
    @if(!packed) for (var j = 0u; j < 4u; j++) {
      let column = scaledBytes(columns[j]);
      for (var i = 0u; i < 4u; i++) {
        sums[i * 4u + j] += dot(scaledBytes(words[i]), column);
      }
    }
  }
  var total = Sum();
  for (var cell = 0u; cell < 16u; cell++) {
    total += sums[cell];
  }
  @if(packed) y[id.x % arrayLength(&y)] = u32(total);
  @if(!packed) y[id.x % arrayLength(&y)] = u32(abs(total * bytePairScale));
}
