@if(lookup) import package::shared::bytes::replacedBytes;
import package::shared::dispatch::linearWorkgroup;
import package::shared::integerConvolution::{
  Term, Uniforms, bytesOf, exactCode, nearCodes, roundingOf, sumsResult, termsOf, wordsOf,
};
import package::shared::integerDot::{bytePairScale, scaledBytes};

// Integer convolution with one input and one output channel a group: one invocation makes 4 channels, which lie in one
// word, of 8 neighbours of a row. The zero points are subtracted before the products, which f32 holds exactly for up to
// 258 taps; what the window reaches beyond x is filled with the zero point, so it adds nothing.
//
// x, terms, table, y: see shared/integerConvolution; weights: [tap][inputWords], 4 channels to a word.
// Conditions: three, five, for stride and dilation 1 along the width and as many taps there: each word of a row is read and
// unpacked once instead of once a tap; codes, for 8-bit results; lookup, where these are replaced by entries of the table.
// Dispatch: one invocation a tile: words of channels counted first (channelTiles), then 8 pixels of a row (pixelTiles = tiles
// a row), then rows, depths, batches.
//
// Measured over 240 x 12 x 80 on SwiftShader (two cores shared with others, best of 4, by time of the CPU, the float32 kernel's
// time in these units): 3 x 3 1.6, 5 x 5 1.5, 3 x 3 of stride 2 1.7. With loops that begin with their conditions, taps not
// written out and other kinds of results in the same shader: 0.9 each. Rows of the window beyond x are left out: where x has
// 2 rows, 5 x 5 takes half the time. How SwiftShader is: see integerRegister.wgsl.

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> weights: array<u32>;
@group(0) @binding(3) var<storage, read> terms: array<Term>;
@group(0) @binding(4) var<storage, read> table: array<u32, 256>;
@group(0) @binding(5) var<storage, read_write> y: array<u32>;

// What scaledBytes multiplies by.
const byteScale = 0x1p24f;

// A word of codes as it is written.
fn finished(codes: u32) -> u32 {
  @if(lookup) return replacedBytes(codes, &table);
  @else return codes;
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
  let fill = bitcast<u32>(header.offset);
  let zeroOfX = vec4f(f32(bitcast<i32>(header.factor)) * byteScale);
  let zeroOfWeights = vec4f(ofChannels.zeroPoints) * byteScale;
  let flip = uniforms.flip;
  let words = uniforms.inputWords;
  let width = uniforms.inputWidth;
  let kernelHeight = uniforms.kernelHeight;
  let kernelWidth = uniforms.kernelWidth;
  let firstDepth = depth * uniforms.strideDepth - bitcast<u32>(uniforms.padDepth);
  let firstRow = row * uniforms.strideHeight - bitcast<u32>(uniforms.padHeight);
  let dilationHeight = uniforms.dilationHeight;

  // Coordinates before the first element wrap to large ones; what is read there is not used.
  let stepWidth = uniforms.strideWidth;
  let left = column * stepWidth - bitcast<u32>(uniforms.padWidth) + vec4u(0u, 1u, 2u, 3u) * stepWidth;
  let right = left + 4u * stepWidth;
  @if(!three && !five) let dilationWidth = uniforms.dilationWidth;
  @if(three || five) let next = left + 8u;
  @if(three || five) let leftInside = left < vec4u(width);
  @if(three || five) let rightInside = right < vec4u(width);
  @if(three || five) let nextInside = next < vec4u(width);
  // Of the rows of a window with one depth only those in the input; of more depths all, with checks.
  let height = i32(uniforms.inputHeight);
  let rowStep = i32(dilationHeight);
  let above = -min(bitcast<i32>(firstRow), 0);
  let below = height - bitcast<i32>(firstRow);
  let flat = uniforms.kernelDepth == 1u;
  let rowCount = select(
    uniforms.kernelDepth * kernelHeight,
    min(u32(max(below + rowStep - 1, 0) / rowStep), kernelHeight),
    flat,
  );
  var sums: array<vec4f, 8>;
  var kernelRow = select(0u, u32((above + rowStep - 1) / rowStep), flat);
  loop {
    let atDepth = firstDepth + kernelRow / kernelHeight * uniforms.dilationDepth;
    let atRow = firstRow + kernelRow % kernelHeight * dilationHeight;
    let rowInside = atDepth < uniforms.inputDepth && atRow < uniforms.inputHeight;
    let start = ((batch * uniforms.inputDepth + atDepth) * uniforms.inputHeight + atRow) * width;
    let weight = kernelRow * kernelWidth * words + word;
    @if(three || five) {
      let l = (start + left) * words + word;
      let r = (start + right) * words + word;
      let n = (start + next) * words + word;
      let a0 = scaledBytes(select(fill, x[l.x] ^ flip, rowInside && leftInside.x)) - zeroOfX;
      let a1 = scaledBytes(select(fill, x[l.y] ^ flip, rowInside && leftInside.y)) - zeroOfX;
      let a2 = scaledBytes(select(fill, x[l.z] ^ flip, rowInside && leftInside.z)) - zeroOfX;
      let a3 = scaledBytes(select(fill, x[l.w] ^ flip, rowInside && leftInside.w)) - zeroOfX;
      let a4 = scaledBytes(select(fill, x[r.x] ^ flip, rowInside && rightInside.x)) - zeroOfX;
      let a5 = scaledBytes(select(fill, x[r.y] ^ flip, rowInside && rightInside.y)) - zeroOfX;
      let a6 = scaledBytes(select(fill, x[r.z] ^ flip, rowInside && rightInside.z)) - zeroOfX;
      let a7 = scaledBytes(select(fill, x[r.w] ^ flip, rowInside && rightInside.w)) - zeroOfX;
      let a8 = scaledBytes(select(fill, x[n.x] ^ flip, rowInside && nextInside.x)) - zeroOfX;
      let a9 = scaledBytes(select(fill, x[n.y] ^ flip, rowInside && nextInside.y)) - zeroOfX;
      @if(five) let a10 = scaledBytes(select(fill, x[n.z] ^ flip, rowInside && nextInside.z)) - zeroOfX;
      @if(five) let a11 = scaledBytes(select(fill, x[n.w] ^ flip, rowInside && nextInside.w)) - zeroOfX;
      let w0 = scaledBytes(weights[weight]) - zeroOfWeights;
      let w1 = scaledBytes(weights[weight + words]) - zeroOfWeights;
      let w2 = scaledBytes(weights[weight + 2u * words]) - zeroOfWeights;
      @if(five) let w3 = scaledBytes(weights[weight + 3u * words]) - zeroOfWeights;
      @if(five) let w4 = scaledBytes(weights[weight + 4u * words]) - zeroOfWeights;
      @if(three) sums[0] += a0 * w0 + a1 * w1 + a2 * w2;
      @if(three) sums[1] += a1 * w0 + a2 * w1 + a3 * w2;
      @if(three) sums[2] += a2 * w0 + a3 * w1 + a4 * w2;
      @if(three) sums[3] += a3 * w0 + a4 * w1 + a5 * w2;
      @if(three) sums[4] += a4 * w0 + a5 * w1 + a6 * w2;
      @if(three) sums[5] += a5 * w0 + a6 * w1 + a7 * w2;
      @if(three) sums[6] += a6 * w0 + a7 * w1 + a8 * w2;
      @if(three) sums[7] += a7 * w0 + a8 * w1 + a9 * w2;
      @if(five) sums[0] += a0 * w0 + a1 * w1 + a2 * w2 + a3 * w3 + a4 * w4;
      @if(five) sums[1] += a1 * w0 + a2 * w1 + a3 * w2 + a4 * w3 + a5 * w4;
      @if(five) sums[2] += a2 * w0 + a3 * w1 + a4 * w2 + a5 * w3 + a6 * w4;
      @if(five) sums[3] += a3 * w0 + a4 * w1 + a5 * w2 + a6 * w3 + a7 * w4;
      @if(five) sums[4] += a4 * w0 + a5 * w1 + a6 * w2 + a7 * w3 + a8 * w4;
      @if(five) sums[5] += a5 * w0 + a6 * w1 + a7 * w2 + a8 * w3 + a9 * w4;
      @if(five) sums[6] += a6 * w0 + a7 * w1 + a8 * w2 + a9 * w3 + a10 * w4;
      @if(five) sums[7] += a7 * w0 + a8 * w1 + a9 * w2 + a10 * w3 + a11 * w4;
    }
    @else {
      var tap = 0u;
      loop {
        let w = scaledBytes(weights[weight + tap * words]) - zeroOfWeights;
        let leftColumn = left + tap * dilationWidth;
        let rightColumn = right + tap * dilationWidth;
        let leftInside = leftColumn < vec4u(width);
        let rightInside = rightColumn < vec4u(width);
        let l = (start + leftColumn) * words + word;
        let r = (start + rightColumn) * words + word;
        sums[0] += (scaledBytes(select(fill, x[l.x] ^ flip, rowInside && leftInside.x)) - zeroOfX) * w;
        sums[1] += (scaledBytes(select(fill, x[l.y] ^ flip, rowInside && leftInside.y)) - zeroOfX) * w;
        sums[2] += (scaledBytes(select(fill, x[l.z] ^ flip, rowInside && leftInside.z)) - zeroOfX) * w;
        sums[3] += (scaledBytes(select(fill, x[l.w] ^ flip, rowInside && leftInside.w)) - zeroOfX) * w;
        sums[4] += (scaledBytes(select(fill, x[r.x] ^ flip, rowInside && rightInside.x)) - zeroOfX) * w;
        sums[5] += (scaledBytes(select(fill, x[r.y] ^ flip, rowInside && rightInside.y)) - zeroOfX) * w;
        sums[6] += (scaledBytes(select(fill, x[r.z] ^ flip, rowInside && rightInside.z)) - zeroOfX) * w;
        sums[7] += (scaledBytes(select(fill, x[r.w] ^ flip, rowInside && rightInside.w)) - zeroOfX) * w;
        continuing {
          tap++;
          break if tap >= kernelWidth;
        }
      }
    }
    continuing {
      kernelRow++;
      break if kernelRow >= rowCount;
    }
  }

  let channelsLeft = channelCount - min(t, channelCount);
  let pixelCount = uniforms.outputDepth * uniforms.outputHeight * uniforms.outputWidth;
  let pixelFirst = (depth * uniforms.outputHeight + row) * uniforms.outputWidth + column;
  let columns = min(uniforms.outputWidth - column, 8u);
  @if(codes) {
    // As many words as x has, the last of them zeros.
    let resultWords = uniforms.resultWords;
    let first = (batch * pixelCount + pixelFirst) * resultWords + word;
    let rounding = roundingOf(header.zeroPoint, uniforms.lowest, uniforms.highest);
    let bytes = bytesOf(channelsLeft);
    let near0 = nearCodes(vec4i(sums[0] * bytePairScale), ofChannels, rounding);
    y[first] = finished(near0.word) & bytes;
    let near1 = nearCodes(vec4i(sums[1] * bytePairScale), ofChannels, rounding);
    if (columns > 1u) { y[first + resultWords] = finished(near1.word) & bytes; }
    let near2 = nearCodes(vec4i(sums[2] * bytePairScale), ofChannels, rounding);
    if (columns > 2u) { y[first + 2u * resultWords] = finished(near2.word) & bytes; }
    let near3 = nearCodes(vec4i(sums[3] * bytePairScale), ofChannels, rounding);
    if (columns > 3u) { y[first + 3u * resultWords] = finished(near3.word) & bytes; }
    let near4 = nearCodes(vec4i(sums[4] * bytePairScale), ofChannels, rounding);
    if (columns > 4u) { y[first + 4u * resultWords] = finished(near4.word) & bytes; }
    let near5 = nearCodes(vec4i(sums[5] * bytePairScale), ofChannels, rounding);
    if (columns > 5u) { y[first + 5u * resultWords] = finished(near5.word) & bytes; }
    let near6 = nearCodes(vec4i(sums[6] * bytePairScale), ofChannels, rounding);
    if (columns > 6u) { y[first + 6u * resultWords] = finished(near6.word) & bytes; }
    let near7 = nearCodes(vec4i(sums[7] * bytePairScale), ofChannels, rounding);
    if (columns > 7u) { y[first + 7u * resultWords] = finished(near7.word) & bytes; }
    // Four bits a pixel: the code of a channel that is not certain is made again.
    var unsure = near0.unsure | (near1.unsure << 4u) | (near2.unsure << 8u) | (near3.unsure << 12u)
      | (near4.unsure << 16u) | (near5.unsure << 20u) | (near6.unsure << 24u) | (near7.unsure << 28u);
    unsure &= select((1u << (4u * min(columns, 7u))) - 1u, 0xffffffffu, columns == 8u);
    loop {
      let code = firstTrailingBit(unsure) % 32u;
      let sum = vec4i(sums[code / 4u] * bytePairScale) + ofChannels.offsets;
      let lane = code % 4u;
      let exact = finished(exactCode(sum[lane], ofChannels.factors[lane], rounding)) & 0xffu;
      let shift = lane * 8u;
      let goal = first + code / 4u * resultWords;
      if (unsure != 0u) { y[goal] = (y[goal] & ~(0xffu << shift)) | ((exact << shift) & bytes); }
      continuing {
        unsure &= unsure - 1u;
        break if unsure == 0u;
      }
    }
  }
  @else {
    let floatBounds = vec2f(uniforms.lower, uniforms.upper);
    let isSum = uniforms.result == sumsResult;
    let goal = (batch * channelCount + t) * pixelCount + pixelFirst;
    for (var j = 0u; j < 8u; j++) {
      if (j >= columns) {
        break;
      }
      let results = wordsOf(vec4i(sums[j] * bytePairScale), ofChannels, isSum, floatBounds);
      for (var i = 0u; i < 4u; i++) {
        if (i >= channelsLeft) {
          break;
        }
        y[goal + i * pixelCount + j] = results[i];
      }
    }
  }
}
