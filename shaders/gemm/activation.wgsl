import package::shared::dispatch::linearWorkgroup;

// Smooth activations of an f32 product, in place. Those that only bound a value are part of the product itself.
//
// y: f32. Conditions, one of: sigmoid, tanh, gelu (x Φ(x), with erf by Abramowitz and Stegun 7.1.26, error below 1.5e-7),
// silu. Dispatch: one invocation an element, from element `start` on.

struct Uniforms {
  start: u32,
  end: u32,
}

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

// Beyond ±80 the result does not change, and exp() would leave the range of f32.
fn logistic(x: f32) -> f32 {
  return 1.0 / (1.0 + exp(-clamp(x, -80.0, 80.0)));
}

@if(gelu)
fn errorFunction(x: f32) -> f32 {
  let size = min(abs(x), 6.0);
  let t = 1.0 / (1.0 + 0.3275911 * size);
  let series = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return sign(x) * (1.0 - series * exp(-size * size));
}

fn activate(x: f32) -> f32 {
  @if(sigmoid) return logistic(x);
  @if(tanh) return 2.0 * logistic(2.0 * x) - 1.0;
  @if(gelu) return 0.5 * x * (1.0 + errorFunction(x * 0.70710678));
  @if(silu) return x * logistic(x);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = uniforms.start + linearWorkgroup(workgroup, workgroups) * 64u + lane;
  if (index < uniforms.end) {
    y[index] = activate(y[index]);
  }
}
