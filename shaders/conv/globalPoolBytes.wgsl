import constants::LANES;
import package::shared::bytes::{bytesOnTop, lowBytes};
import package::shared::dispatch::linearWorkgroup;
import package::shared::requantize::scaledBytesHalfEven;

// The mean of 8-bit elements over all pixels, of each channel.
//
// x        [batch][pixels][channels], rows of channels padded with zeros to `quads` vectors of 16 bytes; signed, or unsigned
//          with their highest bits flipped by xFlip; `pixels` is not 0
// y        [batch][channels], likewise
// Conditions: cooperative, for LANES > 1.
// LANES: invocations that share 16 channels, a divisor of 64 of at least 4; 1 on adapters that run shaders on the CPU, where
// a barrier is expensive.
// Dispatch: one workgroup for 64 / LANES vectors of y, from quadStart on.
//
// On SwiftShader 200 channels of 192 pixels take 0.1 ms; with windows of any shape (poolBytes.wgsl) 0.23 ms.

struct Uniforms {
  quadStart: u32,
  quadEnd: u32,
  pixels: u32,
  channels: u32,
  quads: u32,
  xFlip: u32,
  // Sum of the zero points of signed codes.
  zeroSum: i32,
  // What sums are scaled by: multiplier * 2^-shift.
  multiplier: i32,
  shift: i32,
  yZero: i32,
  lowest: i32,
}
@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> x: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

// f32 holds so many signed bytes as a sum exactly, whatever they are.
const exactPixels = 65536u;

@if(cooperative) var<workgroup> shares: array<vec4i, 256>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let lane = local % LANES;
  let index = uniforms.quadStart + linearWorkgroup(workgroup, workgroups) * (64u / LANES) + local / LANES;
  let exists = index < uniforms.quadEnd;
  let quad = index % uniforms.quads;
  var sums: array<vec4i, 4>;
  if (exists && lane < uniforms.pixels) {
    let step = uniforms.quads * LANES;
    let flip = vec4u(uniforms.xFlip);
    var pixel = lane;
    var at = ((index / uniforms.quads) * uniforms.pixels + lane) * uniforms.quads + quad;
    loop {
      let end = min(pixel + exactPixels * LANES, uniforms.pixels);
      var partials0 = vec4f();
      var partials1 = vec4f();
      var partials2 = vec4f();
      var partials3 = vec4f();
      loop {
        let words = x[at] ^ flip;
        partials0 += vec4f(bytesOnTop(words.x));
        partials1 += vec4f(bytesOnTop(words.y));
        partials2 += vec4f(bytesOnTop(words.z));
        partials3 += vec4f(bytesOnTop(words.w));
        at += step;
        continuing {
          pixel += LANES;
          break if pixel >= end;
        }
      }
      sums[0] += vec4i(partials0 * 0x1p-24f);
      sums[1] += vec4i(partials1 * 0x1p-24f);
      sums[2] += vec4i(partials2 * 0x1p-24f);
      sums[3] += vec4i(partials3 * 0x1p-24f);
      continuing {
        break if pixel >= uniforms.pixels;
      }
    }
  }
  @if(cooperative) {
    for (var word = 0u; word < 4u; word++) {
      shares[local * 4u + word] = sums[word];
    }
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
      if (lane < half) {
        for (var word = 0u; word < 4u; word++) {
          shares[local * 4u + word] += shares[(local + half) * 4u + word];
        }
      }
      workgroupBarrier();
    }
  }
  if (!exists) {
    return;
  }
  for (var word = lane; word < 4u; word += LANES) {
    @if(cooperative) let sum = shares[(local - lane) * 4u + word];
    @else let sum = sums[word];
    let codes = scaledBytesHalfEven(
      sum - vec4i(uniforms.zeroSum),
      vec2i(uniforms.multiplier, uniforms.shift),
      uniforms.yZero,
      uniforms.lowest,
    );
    y[index * 4u + word] = codes & lowBytes(i32(uniforms.channels) - i32(quad * 16u + word * 4u));
  }
}
