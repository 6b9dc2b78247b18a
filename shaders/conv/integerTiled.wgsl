@if(lookup) import package::shared::bytes::replacedBytes;
import package::shared::dispatch::linearWorkgroup;
import package::shared::integerConvolution::{
  Term, Uniforms, bytesOf, codesResult, exactCode, nearCodes, roundingOf, shiftOf, sumsResult, termsOf, tileOf, wordsOf,
};
import package::shared::integerDot::{bytePairScale, scaledByteMatrix, scaledBytes};
import constants::CHANNEL_LANES;
import constants::EDGE;

@if(packed) requires packed_4x8_integer_dot_product;

// Integer convolution for GPUs, as an implicit matrix product: a workgroup makes 4 CHANNEL_LANES channels of
// EDGE (256 / CHANNEL_LANES) pixels from slices of 8 words along taps and input channels in workgroup memory, [word][pixel]
// and [word][channel]. An invocation has 4 channels, whose results are one word, of EDGE pixels.
//
// x, weights, terms, table, y: see shared/integerConvolution. Conditions: packed, for dot4I8Packed instead of f32 products of
// unpacked bytes; lookup, where codes are replaced by entries of the table.
// Dispatch: one workgroup a tile.

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> weights: array<u32>;
@group(0) @binding(3) var<storage, read> terms: array<Term>;
@group(0) @binding(4) var<storage, read> table: array<u32, 256>;
@group(0) @binding(5) var<storage, read_write> y: array<u32>;

const unbounded = 0x7fffffffu;
const pixelLanes = 256u / CHANNEL_LANES;
const pixelSide = pixelLanes * EDGE;
const channelSide = 4u * CHANNEL_LANES;
const sliceWords = 8u;
const loads = pixelSide * sliceWords / 256u;
const weightLoads = (channelSide * sliceWords + 255u) / 256u;
// Neighbours write the words of one pixel; the spare places keep them in different banks.
const pitch = pixelSide + 4u;

// The packed path sums in i32. The other sums in f32, exactly for up to 32 slices, and moves to i32 in between.
@if(packed) alias Partial = vec4i;
@else alias Partial = vec4f;
const exactSlices = 32u;

var<workgroup> pixelTile: array<u32, sliceWords * pitch>;
var<workgroup> weightTile: array<u32, sliceWords * channelSide>;

@compute @workgroup_size(256)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) thread: u32,
) {
  let index = uniforms.tileStart + linearWorkgroup(workgroup, workgroups);
  if (index >= uniforms.tileEnd) {
    return;
  }
  let tile = tileOf(index, uniforms.pixelTiles, uniforms.channelTiles, uniforms.groups);
  let pixelFirst = tile.pixel * pixelSide;
  let pixelLane = thread % pixelLanes;
  let channelLane = thread / pixelLanes;
  let channel = tile.channel * channelSide + channelLane * 4u;
  let groupCount = uniforms.groups * uniforms.outputChannels;
  let t = tile.group * uniforms.outputChannels + channel;
  let ofChannels = termsOf(terms[t], terms[t + 1u], terms[t + 2u], terms[t + 3u]);
  let header = terms[groupCount];
  let fill = bitcast<u32>(header.offset);

  let lengths = vec3u(uniforms.inputDepth, uniforms.inputHeight, uniforms.inputWidth);
  let step = vec3i(vec3u(uniforms.strideDepth, uniforms.strideHeight, uniforms.strideWidth));
  let dilation = vec3u(uniforms.dilationDepth, uniforms.dilationHeight, uniforms.dilationWidth);
  let pad = vec3i(uniforms.padDepth, uniforms.padHeight, uniforms.padWidth);
  // Where the windows begin of the pixels that this invocation loads.
  var places: array<vec3i, loads>;
  for (var load = 0u; load < loads; load++) {
    let pixel = pixelFirst + (load * 256u + thread) / sliceWords;
    let plane = pixel / uniforms.outputWidth;
    places[load] = step
      * vec3i(vec3u(plane / uniforms.outputHeight, plane % uniforms.outputHeight, pixel % uniforms.outputWidth));
  }
  let taps = uniforms.kernelDepth * uniforms.kernelHeight * uniforms.kernelWidth;
  let depth = taps * uniforms.depthWords;
  let weightLast = tile.channel * channelSide + thread % channelSide;

  var sums: array<vec4i, EDGE>;
  var partials: array<Partial, EDGE>;
  for (var turn = 0u; turn < unbounded; turn++) {
    if (turn >= uniforms.passes) {
      break;
    }
    let factors = select(vec4i(1), -ofChannels.zeroPoints, turn == 1u);
    let weightFirst = (tile.group * uniforms.passes + turn) * depth;
    for (var slice = 0u; slice < unbounded; slice++) {
      let begin = slice * sliceWords;
      if (begin >= depth) {
        break;
      }
      let mine = begin + thread % sliceWords;
      let shift = shiftOf(mine / uniforms.depthWords, uniforms.kernelHeight, uniforms.kernelWidth, dilation, pad);
      let word = tile.group * uniforms.groupWords + mine % uniforms.depthWords;
      for (var load = 0u; load < loads; load++) {
        // Coordinates before the first element wrap to large ones.
        let at = vec3u(places[load] + shift);
        var element = fill;
        if (mine < depth && all(at < lengths)) {
          let pixel = ((tile.batch * lengths.x + at.x) * lengths.y + at.y) * lengths.z + at.z;
          element = x[pixel * uniforms.inputWords + word] ^ uniforms.flip;
        }
        pixelTile[thread % sliceWords * pitch + (load * 256u + thread) / sliceWords] = element;
      }
      for (var load = 0u; load < weightLoads; load++) {
        let slot = load * 256u + thread;
        let k = begin + slot / channelSide;
        if (slot < channelSide * sliceWords) {
          let exists = k < depth && weightLast < uniforms.weightChannels;
          weightTile[slot] = select(0u, weights[(weightFirst + k) * uniforms.weightChannels + weightLast], exists);
        }
      }
      workgroupBarrier();
      for (var k = 0u; k < sliceWords; k++) {
        let first = k * channelSide + channelLane * 4u;
        let words = vec4u(
          weightTile[first],
          weightTile[first + 1u],
          weightTile[first + 2u],
          weightTile[first + 3u],
        );
        @if(!packed) let matrix = scaledByteMatrix(words);
        for (var j = 0u; j < EDGE; j++) {
          let bytes = pixelTile[k * pitch + j * pixelLanes + pixelLane];
          @if(!packed) partials[j] += matrix * scaledBytes(bytes);
          @if(packed) partials[j] += vec4i(
            dot4I8Packed(words.x, bytes),
            dot4I8Packed(words.y, bytes),
            dot4I8Packed(words.z, bytes),
            dot4I8Packed(words.w, bytes),
          );
        }
      }
      if (slice % exactSlices == exactSlices - 1u || begin + sliceWords >= depth) {
        for (var j = 0u; j < EDGE; j++) {
          @if(packed) sums[j] += factors * partials[j];
          @if(!packed) sums[j] += factors * vec4i(partials[j] * bytePairScale);
          partials[j] = Partial();
        }
      }
      workgroupBarrier();
    }
  }

  let rounding = roundingOf(header.zeroPoint, uniforms.lowest, uniforms.highest);
  let floatBounds = vec2f(uniforms.lower, uniforms.upper);
  let isCodes = uniforms.result == codesResult;
  let isSum = uniforms.result == sumsResult;
  let resultWords = uniforms.resultWords;
  let pixelCount = uniforms.outputDepth * uniforms.outputHeight * uniforms.outputWidth;
  let channelsLeft = uniforms.outputChannels - min(channel, uniforms.outputChannels);
  if (channelsLeft == 0u) {
    return;
  }
  let bytes = bytesOf(channelsLeft);
  for (var j = 0u; j < EDGE; j++) {
    let pixel = pixelFirst + j * pixelLanes + pixelLane;
    if (pixel >= pixelCount) {
      break;
    }
    if (isCodes) {
      let row = (tile.batch * pixelCount + pixel) * resultWords;
      let near = nearCodes(sums[j], ofChannels, rounding);
      var word = near.word;
      for (var i = 0u; i < 4u; i++) {
        if ((near.unsure & (1u << i)) != 0u) {
          let exact = exactCode(sums[j][i] + ofChannels.offsets[i], ofChannels.factors[i], rounding);
          word = (word & ~(0xffu << (8u * i))) | (exact << (8u * i));
        }
      }
      @if(lookup) word = replacedBytes(word, &table);
      y[row + t / 4u] = word & bytes;
      if (t + 4u >= groupCount) {
        // Rows end with zeros.
        for (var end = t / 4u + 1u; end < resultWords; end++) {
          y[row + end] = 0u;
        }
      }
      continue;
    }
    let goal = (tile.batch * groupCount + t) * pixelCount + pixel;
    let words = wordsOf(sums[j], ofChannels, isSum, floatBounds);
    for (var i = 0u; i < 4u; i++) {
      if (i >= channelsLeft) {
        break;
      }
      y[goal + i * pixelCount] = words[i];
    }
  }
}
