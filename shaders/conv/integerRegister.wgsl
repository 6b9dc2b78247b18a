import package::shared::dispatch::linearWorkgroup;
import package::shared::integerConvolution::{
  Term, Uniforms, codesOf, codesResult, shiftOf, sumsResult, termsOf, tileOf, wordsOf,
};
import package::shared::integerDot::{bytePairScale, scaledByteMatrix, scaledBytes};

// Integer convolution without workgroup memory, for adapters that run shaders on the CPU: one invocation makes 8 channels
// of 16 pixels, tap by tap, from words unpacked to f32, in which sums of up to 1,024 products of signed bytes are exact.
//
// x, weights, terms, y: see shared/integerConvolution.
// Condition: whole, where every tap of every pixel lies in the input, so that none is checked.
// Dispatch: one invocation a tile of 16 pixels x 8 channels.
//
// Measured with 8-bit results on SwiftShader (two cores shared with others, best of 7, GOPS, the float32 kernel beside it):
// 1 x 1, 240 to 240 channels, 12 x 80: 2.6 (2.2); 3 x 3, 96 to 24 channels, 80 x 80: 3.2 (2.8); 3 x 3 of stride 2, 3 to 16
// channels, where a tap is a single word: 0.4 (1.1).

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> weights: array<vec4u>;
@group(0) @binding(3) var<storage, read> terms: array<Term>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;

// 1,024 products of -128 and -128 are 2^24.
const exactWords = 256u;
const unbounded = 0x7fffffffu;
const cells = 32u;

fn flush(partials: ptr<function, array<vec4f, cells>>, sums: ptr<function, array<vec4i, cells>>, low: vec4i, high: vec4i) {
  for (var i = 0u; i < cells; i += 2u) {
    (*sums)[i] += low * vec4i((*partials)[i] * bytePairScale);
    (*sums)[i + 1u] += high * vec4i((*partials)[i + 1u] * bytePairScale);
    (*partials)[i] = vec4f();
    (*partials)[i + 1u] = vec4f();
  }
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let index = uniforms.tileStart + linearWorkgroup(workgroup, workgroups) * 64u + local;
  if (index >= uniforms.tileEnd) {
    return;
  }
  let tile = tileOf(index, uniforms.pixelTiles, uniforms.channelTiles, uniforms.groups);
  let channel = tile.channel * 8u;
  let groupCount = uniforms.groups * uniforms.outputChannels;
  let channelFirst = tile.group * uniforms.outputChannels + channel;
  let flip = uniforms.flip;
  let header = terms[groupCount];
  let fill = bitcast<u32>(header.offset);
  let t = channelFirst;
  let lowTerms = termsOf(terms[t], terms[t + 1u], terms[t + 2u], terms[t + 3u]);
  let highTerms = termsOf(terms[t + 4u], terms[t + 5u], terms[t + 6u], terms[t + 7u]);

  let pixel = tile.pixel * 16u;
  let step = vec3i(vec3u(uniforms.strideDepth, uniforms.strideHeight, uniforms.strideWidth));
  let pixels0 = pixel + vec4u(0u, 1u, 2u, 3u);
  let plane0 = pixels0 / uniforms.outputWidth;
  let column0 = vec4i(pixels0 % uniforms.outputWidth) * step.z;
  let row0 = vec4i(plane0 % uniforms.outputHeight) * step.y;
  let depth0 = vec4i(plane0 / uniforms.outputHeight) * step.x;
  let pixels1 = pixel + vec4u(4u, 5u, 6u, 7u);
  let plane1 = pixels1 / uniforms.outputWidth;
  let column1 = vec4i(pixels1 % uniforms.outputWidth) * step.z;
  let row1 = vec4i(plane1 % uniforms.outputHeight) * step.y;
  let depth1 = vec4i(plane1 / uniforms.outputHeight) * step.x;
  let pixels2 = pixel + vec4u(8u, 9u, 10u, 11u);
  let plane2 = pixels2 / uniforms.outputWidth;
  let column2 = vec4i(pixels2 % uniforms.outputWidth) * step.z;
  let row2 = vec4i(plane2 % uniforms.outputHeight) * step.y;
  let depth2 = vec4i(plane2 / uniforms.outputHeight) * step.x;
  let pixels3 = pixel + vec4u(12u, 13u, 14u, 15u);
  let plane3 = pixels3 / uniforms.outputWidth;
  let column3 = vec4i(pixels3 % uniforms.outputWidth) * step.z;
  let row3 = vec4i(plane3 % uniforms.outputHeight) * step.y;
  let depth3 = vec4i(plane3 / uniforms.outputHeight) * step.x;
  let kernelHeight = uniforms.kernelHeight;
  let kernelWidth = uniforms.kernelWidth;
  let dilation = vec3u(uniforms.dilationDepth, uniforms.dilationHeight, uniforms.dilationWidth);
  let pad = vec3i(uniforms.padDepth, uniforms.padHeight, uniforms.padWidth);
  let lengths = vec3u(uniforms.inputDepth, uniforms.inputHeight, uniforms.inputWidth);
  let inputWords = uniforms.inputWords;
  let depthWords = uniforms.depthWords;
  let passes = uniforms.passes;
  let image = tile.batch * lengths.x;
  let groupFirst = tile.group * uniforms.groupWords;
  let weightStep = uniforms.weightChannels / 4u;
  let taps = uniforms.kernelDepth * uniforms.kernelHeight * uniforms.kernelWidth;

  var sums: array<vec4i, cells>;
  var partials: array<vec4f, cells>;
  var weight = tile.group * passes * taps * depthWords * weightStep + channel / 4u;
  for (var turn = 0u; turn < unbounded; turn++) {
    if (turn >= passes) {
      break;
    }
    let lowFactors = select(vec4i(1), -lowTerms.zeroPoints, turn == 1u);
    let highFactors = select(vec4i(1), -highTerms.zeroPoints, turn == 1u);
    var pending = 0u;
    for (var tap = 0u; tap < unbounded; tap++) {
      if (tap >= taps) {
        break;
      }
      let shift = shiftOf(tap, kernelHeight, kernelWidth, dilation, pad);
      // Coordinates before the first element wrap to large ones; what is read there, and for pixels beyond the last, is
      // not used.
      let d0 = vec4u(depth0 + shift.x);
      let r0 = vec4u(row0 + shift.y);
      let c0 = vec4u(column0 + shift.z);
      let at0 = (((d0 + image) * lengths.y + r0) * lengths.z + c0) * inputWords + groupFirst;
      @if(!whole) let inside0 = (d0 < vec4u(lengths.x)) & (r0 < vec4u(lengths.y)) & (c0 < vec4u(lengths.z));
      let d1 = vec4u(depth1 + shift.x);
      let r1 = vec4u(row1 + shift.y);
      let c1 = vec4u(column1 + shift.z);
      let at1 = (((d1 + image) * lengths.y + r1) * lengths.z + c1) * inputWords + groupFirst;
      @if(!whole) let inside1 = (d1 < vec4u(lengths.x)) & (r1 < vec4u(lengths.y)) & (c1 < vec4u(lengths.z));
      let d2 = vec4u(depth2 + shift.x);
      let r2 = vec4u(row2 + shift.y);
      let c2 = vec4u(column2 + shift.z);
      let at2 = (((d2 + image) * lengths.y + r2) * lengths.z + c2) * inputWords + groupFirst;
      @if(!whole) let inside2 = (d2 < vec4u(lengths.x)) & (r2 < vec4u(lengths.y)) & (c2 < vec4u(lengths.z));
      let d3 = vec4u(depth3 + shift.x);
      let r3 = vec4u(row3 + shift.y);
      let c3 = vec4u(column3 + shift.z);
      let at3 = (((d3 + image) * lengths.y + r3) * lengths.z + c3) * inputWords + groupFirst;
      @if(!whole) let inside3 = (d3 < vec4u(lengths.x)) & (r3 < vec4u(lengths.y)) & (c3 < vec4u(lengths.z));
      var word = 0u;
      for (var chunk = 0u; chunk < unbounded; chunk++) {
        if (word >= depthWords) {
          break;
        }
        if (pending == exactWords) {
          flush(&partials, &sums, lowFactors, highFactors);
          pending = 0u;
        }
        let count = min(depthWords - word, exactWords - pending);
        for (var k = 0u; k < unbounded; k++) {
          if (k >= count) {
            break;
          }
          let left = scaledByteMatrix(weights[weight]);
          let right = scaledByteMatrix(weights[weight + 1u]);
          @if(whole) let a0 = scaledBytes(x[at0.x + word] ^ flip);
          @if(!whole) let a0 = scaledBytes(select(fill, x[at0.x + word] ^ flip, inside0.x));
          partials[0] += left * a0;
          partials[1] += right * a0;
          @if(whole) let a1 = scaledBytes(x[at0.y + word] ^ flip);
          @if(!whole) let a1 = scaledBytes(select(fill, x[at0.y + word] ^ flip, inside0.y));
          partials[2] += left * a1;
          partials[3] += right * a1;
          @if(whole) let a2 = scaledBytes(x[at0.z + word] ^ flip);
          @if(!whole) let a2 = scaledBytes(select(fill, x[at0.z + word] ^ flip, inside0.z));
          partials[4] += left * a2;
          partials[5] += right * a2;
          @if(whole) let a3 = scaledBytes(x[at0.w + word] ^ flip);
          @if(!whole) let a3 = scaledBytes(select(fill, x[at0.w + word] ^ flip, inside0.w));
          partials[6] += left * a3;
          partials[7] += right * a3;
          @if(whole) let a4 = scaledBytes(x[at1.x + word] ^ flip);
          @if(!whole) let a4 = scaledBytes(select(fill, x[at1.x + word] ^ flip, inside1.x));
          partials[8] += left * a4;
          partials[9] += right * a4;
          @if(whole) let a5 = scaledBytes(x[at1.y + word] ^ flip);
          @if(!whole) let a5 = scaledBytes(select(fill, x[at1.y + word] ^ flip, inside1.y));
          partials[10] += left * a5;
          partials[11] += right * a5;
          @if(whole) let a6 = scaledBytes(x[at1.z + word] ^ flip);
          @if(!whole) let a6 = scaledBytes(select(fill, x[at1.z + word] ^ flip, inside1.z));
          partials[12] += left * a6;
          partials[13] += right * a6;
          @if(whole) let a7 = scaledBytes(x[at1.w + word] ^ flip);
          @if(!whole) let a7 = scaledBytes(select(fill, x[at1.w + word] ^ flip, inside1.w));
          partials[14] += left * a7;
          partials[15] += right * a7;
          @if(whole) let a8 = scaledBytes(x[at2.x + word] ^ flip);
          @if(!whole) let a8 = scaledBytes(select(fill, x[at2.x + word] ^ flip, inside2.x));
          partials[16] += left * a8;
          partials[17] += right * a8;
          @if(whole) let a9 = scaledBytes(x[at2.y + word] ^ flip);
          @if(!whole) let a9 = scaledBytes(select(fill, x[at2.y + word] ^ flip, inside2.y));
          partials[18] += left * a9;
          partials[19] += right * a9;
          @if(whole) let a10 = scaledBytes(x[at2.z + word] ^ flip);
          @if(!whole) let a10 = scaledBytes(select(fill, x[at2.z + word] ^ flip, inside2.z));
          partials[20] += left * a10;
          partials[21] += right * a10;
          @if(whole) let a11 = scaledBytes(x[at2.w + word] ^ flip);
          @if(!whole) let a11 = scaledBytes(select(fill, x[at2.w + word] ^ flip, inside2.w));
          partials[22] += left * a11;
          partials[23] += right * a11;
          @if(whole) let a12 = scaledBytes(x[at3.x + word] ^ flip);
          @if(!whole) let a12 = scaledBytes(select(fill, x[at3.x + word] ^ flip, inside3.x));
          partials[24] += left * a12;
          partials[25] += right * a12;
          @if(whole) let a13 = scaledBytes(x[at3.y + word] ^ flip);
          @if(!whole) let a13 = scaledBytes(select(fill, x[at3.y + word] ^ flip, inside3.y));
          partials[26] += left * a13;
          partials[27] += right * a13;
          @if(whole) let a14 = scaledBytes(x[at3.z + word] ^ flip);
          @if(!whole) let a14 = scaledBytes(select(fill, x[at3.z + word] ^ flip, inside3.z));
          partials[28] += left * a14;
          partials[29] += right * a14;
          @if(whole) let a15 = scaledBytes(x[at3.w + word] ^ flip);
          @if(!whole) let a15 = scaledBytes(select(fill, x[at3.w + word] ^ flip, inside3.w));
          partials[30] += left * a15;
          partials[31] += right * a15;
          word++;
          weight += weightStep;
        }
        pending += count;
      }
    }
    flush(&partials, &sums, lowFactors, highFactors);
  }

  let codeBounds = vec2i(uniforms.lowest, uniforms.highest);
  let floatBounds = vec2f(uniforms.lower, uniforms.upper);
  let isCodes = uniforms.result == codesResult;
  let isSum = uniforms.result == sumsResult;
  let resultWords = uniforms.resultWords;
  let pixelCount = uniforms.outputDepth * uniforms.outputHeight * uniforms.outputWidth;
  let channelsLeft = uniforms.outputChannels - min(channel, uniforms.outputChannels);
  for (var j = 0u; j < 16u; j++) {
    if (pixel + j >= pixelCount) {
      break;
    }
    if (isCodes) {
      let row = (tile.batch * pixelCount + pixel + j) * resultWords;
      let goal = row + channelFirst / 4u;
      let isLast = channelFirst + 8u >= groupCount;
      y[goal] = codesOf(sums[2u * j], lowTerms, header.zeroPoint, channelsLeft, codeBounds);
      if (channelsLeft > 4u) {
        y[goal + 1u] = codesOf(sums[2u * j + 1u], highTerms, header.zeroPoint, channelsLeft - 4u, codeBounds);
      }
      // Rows end with zeros.
      let written = (groupCount + 3u) / 4u;
      for (var word = 0u; word < 3u; word++) {
        if (isLast && written + word < resultWords) {
          y[row + written + word] = 0u;
        }
      }
      continue;
    }
    let goal = (tile.batch * groupCount + channelFirst) * pixelCount + pixel + j;
    let low = wordsOf(sums[2u * j], lowTerms, isSum, floatBounds);
    let high = wordsOf(sums[2u * j + 1u], highTerms, isSum, floatBounds);
    for (var i = 0u; i < 8u; i++) {
      if (i >= channelsLeft) {
        break;
      }
      y[goal + i * pixelCount] = select(low[i % 4u], high[i % 4u], i >= 4u);
    }
  }
}
