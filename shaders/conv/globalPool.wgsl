import package::shared::dispatch::linearWorkgroup;
@if(power) import package::shared::power::{powered, rooted};
import constants::LANES;

// One number for each plane of a tensor: its mean, its maximum, or the root of its sum of powers.
//
// x: [planes][size], y: [planes]; float32.
// Conditions: maximum, power; neither: the mean. cooperative, for LANES > 1.
// LANES: invocations that share a plane, a divisor of 64; 1 on adapters that run shaders on the CPU, where a barrier is
// expensive.
// Dispatch: one workgroup for 64 / LANES planes, from planeStart on.

struct Uniforms { planeStart: u32, planeEnd: u32, size: u32, exponent: f32 }
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

const unbounded = 0x7fffffffu;

@if(cooperative) var<workgroup> shares: array<f32, 64>;

fn merged(a: f32, b: f32) -> f32 {
  @if(maximum) return max(a, b);
  @else return a + b;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let lane = local % LANES;
  let plane = uniforms.planeStart + linearWorkgroup(workgroup, workgroups) * (64u / LANES) + local / LANES;
  let exists = plane < uniforms.planeEnd;
  let first = plane * uniforms.size;
  // A maximum begins with an element that every lane may read: its plane's first.
  @if(maximum) var total = x[select(0u, first, exists)];
  @else var total = 0.0;
  if (exists) {
    for (var step = 0u; step < unbounded; step++) {
      let element = step * LANES + lane;
      if (element >= uniforms.size) {
        break;
      }
      let value = x[first + element];
      @if(power) total = merged(total, powered(value, uniforms.exponent));
      @else total = merged(total, value);
    }
  }
  @if(cooperative) {
    shares[local] = total;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
      if (lane < half) {
        shares[local] = merged(shares[local], shares[local + half]);
      }
      workgroupBarrier();
    }
    total = shares[local];
  }
  if (lane > 0u || !exists) {
    return;
  }
  @if(maximum) y[plane] = total;
  @if(power) y[plane] = rooted(total, uniforms.exponent);
  @if(!maximum && !power) y[plane] = total / f32(uniforms.size);
}
