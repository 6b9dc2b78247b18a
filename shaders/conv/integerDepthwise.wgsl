import package::shared::dispatch::linearWorkgroup;
import package::shared::integerConvolution::{Term, Uniforms, codesOf, codesResult, sumsResult, termsOf, wordsOf};
import package::shared::integerDot::{bytePairScale, scaledBytes};

// Integer convolution with one input and one output channel a group: one invocation makes 4 channels, which lie in one
// word, of 8 neighbours of a row. The zero points are subtracted before the products, which f32 holds exactly for up to
// 258 taps, so padding adds nothing.
//
// x, terms, y: see shared/integerConvolution; weights: [tap][inputWords], 4 channels to a word.
// Condition: rolling, for stride and dilation 1 along the width: the neighbours' input moves through registers, so that
// each word of a row is read and unpacked once instead of once a tap.
// Dispatch: one invocation a tile: words of channels counted first (channelTiles), then 8 pixels of a row (pixelTiles = tiles
// a row), then rows, depths, batches.
//
// Measured over 240 x 12 x 80 on SwiftShader (two cores shared with others, best of 6, the float32 kernel's time in these
// units): 3 x 3 1.1, 5 x 5 1.7; 3 x 3 of stride 2 1.4.

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> weights: array<u32>;
@group(0) @binding(3) var<storage, read> terms: array<Term>;
@group(0) @binding(4) var<storage, read_write> y: array<u32>;

const unbounded = 0x7fffffffu;
// What scaledBytes multiplies by.
const byteScale = 0x1p24f;

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
  let word = index % uniforms.channelTiles;
  let part = index / uniforms.channelTiles;
  let column = part % uniforms.pixelTiles * 8u;
  let line = part / uniforms.pixelTiles;
  let row = line % uniforms.outputHeight;
  let planes = line / uniforms.outputHeight;
  let depth = planes % uniforms.outputDepth;
  let batch = planes / uniforms.outputDepth;
  let channelCount = uniforms.groups;
  let t = word * 4u;
  let ofChannels = termsOf(terms[t], terms[t + 1u], terms[t + 2u], terms[t + 3u]);
  let header = terms[channelCount];
  let zeroOfX = vec4f(f32(bitcast<i32>(header.factor)) * byteScale);
  let zeroOfWeights = vec4f(ofChannels.zeroPoints) * byteScale;
  let flip = uniforms.flip;
  let words = uniforms.inputWords;
  let width = uniforms.inputWidth;
  let height = uniforms.inputHeight;
  let kernelDepth = uniforms.kernelDepth;
  let kernelHeight = uniforms.kernelHeight;
  let kernelWidth = uniforms.kernelWidth;
  let dilationHeight = uniforms.dilationHeight;
  @if(!rolling) let dilationWidth = uniforms.dilationWidth;
  let firstRow = row * uniforms.strideHeight - bitcast<u32>(uniforms.padHeight);
  let outputWidth = uniforms.outputWidth;

  // Coordinates before the first element wrap to large ones; what is read there is not used.
  let stepWidth = uniforms.strideWidth;
  let first = column * stepWidth - bitcast<u32>(uniforms.padWidth);
  let left = first + vec4u(0u, 1u, 2u, 3u) * stepWidth;
  let right = left + 4u * stepWidth;
  @if(rolling) let leftInside = left < vec4u(width);
  @if(rolling) let rightInside = right < vec4u(width);
  var s0 = vec4f();
  var s1 = vec4f();
  var s2 = vec4f();
  var s3 = vec4f();
  var s4 = vec4f();
  var s5 = vec4f();
  var s6 = vec4f();
  var s7 = vec4f();
  for (var kd = 0u; kd < unbounded; kd++) {
    if (kd >= kernelDepth) {
      break;
    }
    let atDepth = depth * uniforms.strideDepth + kd * uniforms.dilationDepth - bitcast<u32>(uniforms.padDepth);
    if (atDepth >= uniforms.inputDepth) {
      continue;
    }
    for (var kh = 0u; kh < unbounded; kh++) {
      if (kh >= kernelHeight) {
        break;
      }
      let atRow = firstRow + kh * dilationHeight;
      if (atRow >= height) {
        continue;
      }
      let start = ((batch * uniforms.inputDepth + atDepth) * height + atRow) * width;
      var weight = (kd * kernelHeight + kh) * kernelWidth * words + word;
      @if(rolling) {
        let l = (start + left) * words + word;
        let r = (start + right) * words + word;
        var a0 = select(vec4f(), scaledBytes(x[l.x] ^ flip) - zeroOfX, leftInside.x);
        var a1 = select(vec4f(), scaledBytes(x[l.y] ^ flip) - zeroOfX, leftInside.y);
        var a2 = select(vec4f(), scaledBytes(x[l.z] ^ flip) - zeroOfX, leftInside.z);
        var a3 = select(vec4f(), scaledBytes(x[l.w] ^ flip) - zeroOfX, leftInside.w);
        var a4 = select(vec4f(), scaledBytes(x[r.x] ^ flip) - zeroOfX, rightInside.x);
        var a5 = select(vec4f(), scaledBytes(x[r.y] ^ flip) - zeroOfX, rightInside.y);
        var a6 = select(vec4f(), scaledBytes(x[r.z] ^ flip) - zeroOfX, rightInside.z);
        var a7 = select(vec4f(), scaledBytes(x[r.w] ^ flip) - zeroOfX, rightInside.w);
        var next = (start + first + 8u) * words + word;
        var nextColumn = first + 8u;
        for (var kw = 0u; kw < unbounded; kw++) {
          if (kw >= kernelWidth) {
            break;
          }
          let w = scaledBytes(weights[weight]) - zeroOfWeights;
          s0 += a0 * w;
          s1 += a1 * w;
          s2 += a2 * w;
          s3 += a3 * w;
          s4 += a4 * w;
          s5 += a5 * w;
          s6 += a6 * w;
          s7 += a7 * w;
          a0 = a1;
          a1 = a2;
          a2 = a3;
          a3 = a4;
          a4 = a5;
          a5 = a6;
          a6 = a7;
          a7 = select(vec4f(), scaledBytes(x[next] ^ flip) - zeroOfX, nextColumn < width);
          next += words;
          nextColumn++;
          weight += words;
        }
      }
      @else {
        for (var kw = 0u; kw < unbounded; kw++) {
          if (kw >= kernelWidth) {
            break;
          }
          let w = scaledBytes(weights[weight]) - zeroOfWeights;
          let leftColumn = left + kw * dilationWidth;
          let rightColumn = right + kw * dilationWidth;
          let l = (start + leftColumn) * words + word;
          let r = (start + rightColumn) * words + word;
          let leftInside = leftColumn < vec4u(width);
          let rightInside = rightColumn < vec4u(width);
          s0 += select(vec4f(), scaledBytes(x[l.x] ^ flip) - zeroOfX, leftInside.x) * w;
          s1 += select(vec4f(), scaledBytes(x[l.y] ^ flip) - zeroOfX, leftInside.y) * w;
          s2 += select(vec4f(), scaledBytes(x[l.z] ^ flip) - zeroOfX, leftInside.z) * w;
          s3 += select(vec4f(), scaledBytes(x[l.w] ^ flip) - zeroOfX, leftInside.w) * w;
          s4 += select(vec4f(), scaledBytes(x[r.x] ^ flip) - zeroOfX, rightInside.x) * w;
          s5 += select(vec4f(), scaledBytes(x[r.y] ^ flip) - zeroOfX, rightInside.y) * w;
          s6 += select(vec4f(), scaledBytes(x[r.z] ^ flip) - zeroOfX, rightInside.z) * w;
          s7 += select(vec4f(), scaledBytes(x[r.w] ^ flip) - zeroOfX, rightInside.w) * w;
          weight += words;
        }
      }
    }
  }

  var sums: array<vec4i, 8>;
  sums[0] = vec4i(s0 * bytePairScale);
  sums[1] = vec4i(s1 * bytePairScale);
  sums[2] = vec4i(s2 * bytePairScale);
  sums[3] = vec4i(s3 * bytePairScale);
  sums[4] = vec4i(s4 * bytePairScale);
  sums[5] = vec4i(s5 * bytePairScale);
  sums[6] = vec4i(s6 * bytePairScale);
  sums[7] = vec4i(s7 * bytePairScale);
  let channelsLeft = channelCount - min(t, channelCount);
  let codeBounds = vec2i(uniforms.lowest, uniforms.highest);
  let floatBounds = vec2f(uniforms.lower, uniforms.upper);
  let isCodes = uniforms.result == codesResult;
  let isSum = uniforms.result == sumsResult;
  let resultWords = uniforms.resultWords;
  let pixelCount = uniforms.outputDepth * uniforms.outputHeight * uniforms.outputWidth;
  let pixelFirst = (depth * uniforms.outputHeight + row) * outputWidth + column;
  for (var j = 0u; j < 8u; j++) {
    if (column + j >= outputWidth) {
      break;
    }
    let pixel = pixelFirst + j;
    if (isCodes) {
      // As many words as x has, the last of them zeros.
      let goal = (batch * pixelCount + pixel) * resultWords + word;
      y[goal] = codesOf(sums[j], ofChannels, header.zeroPoint, channelsLeft, codeBounds);
      continue;
    }
    let goal = (batch * channelCount + t) * pixelCount + pixel;
    let results = wordsOf(sums[j], ofChannels, isSum, floatBounds);
    for (var i = 0u; i < 4u; i++) {
      if (i >= channelsLeft) {
        break;
      }
      y[goal + i * pixelCount] = results[i];
    }
  }
}
