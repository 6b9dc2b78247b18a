// One step of Adam on the logits of soft rounding, and the errors of the weights that follow from it.
//
// A weight is low + step · h, h = clamp(1.2 · sigmoid(logit) - 0.1, 0, 1). The loss is the squared error of the outputs, the sum of
// difference · product, product = difference · second moments, and regularization · Σ (1 - |2h - 1|^exponent).
//
// offset      f32 [count]; low less the weight as it was
// step        f32 [count]; 0 where there is nothing to choose
// product     f32 [count]
// state       f32 [3][count]; logits, and Adam's means of the gradients and of their squares
// difference  f32 [count]; the error of each weight
// Dispatch: one invocation a weight, from `start` up to `end`.
import package::shared::dispatch::linearWorkgroup;

struct Uniforms {
  start: u32,
  end: u32,
  count: u32,
  regularization: f32,
  exponent: f32,
  /** Learning rate over the bias correction of the first mean. */
  rate: f32,
  /** One over the bias correction of the second. */
  secondFactor: f32,
  firstDecay: f32,
  secondDecay: f32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> offset: array<f32>;
@group(0) @binding(2) var<storage, read> step: array<f32>;
@group(0) @binding(3) var<storage, read> product: array<f32>;
@group(0) @binding(4) var<storage, read_write> state: array<f32>;
@group(0) @binding(5) var<storage, read_write> difference: array<f32>;

fn stretched(logit: f32) -> f32 { return 1.2 / (1.0 + exp(-logit)) - 0.1; }

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = uniforms.start + linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (index >= uniforms.end) { return; }
  let logit = state[index];
  let raw = stretched(logit);
  let sigmoid = (raw + 0.1) / 1.2;
  let side = 2.0 * clamp(raw, 0.0, 1.0) - 1.0;
  // The derivative of 1 - |2h - 1|^exponent by h; its base is kept from 0, whose power need not be defined.
  let pull = -2.0 * uniforms.exponent * sign(side) * pow(max(abs(side), 1e-6), uniforms.exponent - 1.0);
  let byValue = 2.0 * step[index] * product[index] + uniforms.regularization * pull;
  let slope = select(0.0, 1.2 * sigmoid * (1.0 - sigmoid), raw > 0.0 && raw < 1.0 && step[index] != 0.0);
  let gradient = byValue * slope;
  let first = mix(gradient, state[uniforms.count + index], uniforms.firstDecay);
  let second = mix(gradient * gradient, state[2u * uniforms.count + index], uniforms.secondDecay);
  let moved = logit - uniforms.rate * first / (sqrt(second * uniforms.secondFactor) + 1e-8);
  state[index] = moved;
  state[uniforms.count + index] = first;
  state[2u * uniforms.count + index] = second;
  difference[index] = offset[index] + step[index] * clamp(stretched(moved), 0.0, 1.0);
}
