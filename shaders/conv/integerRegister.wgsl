@if(lookup) import package::shared::bytes::replacedBytes;
import package::shared::dispatch::linearWorkgroup;
import package::shared::integerConvolution::{
  Term, Uniforms, bytesOf, exactCode, nearCodes, roundingOf, shiftOf, sumsResult, termsOf, tileOf, wordsOf,
};
import package::shared::integerDot::{bytePairScale, scaledByteMatrix, scaledBytes};

// Integer convolution without workgroup memory, for adapters that run shaders on the CPU: one invocation makes 8 channels
// of 16 pixels, tap by tap, from pairs of words unpacked to f32, in which sums of up to 1,024 products of signed bytes are
// exact.
//
// x, weights, terms, table, y: see shared/integerConvolution.
// Conditions: whole, where every tap of every pixel lies in the input, so that none is checked; shallow, where a result has
// at most 1,024 products and one pass; codes, for 8-bit results; lookup, where these are replaced by entries of the table.
// Dispatch: one invocation a tile of 16 pixels x 8 channels.
//
// SwiftShader runs both branches of a condition, and runs the body of a loop once more, all lanes masked, when its condition
// comes first: so loops end with their conditions, and what is rare is left to one loop at the end. There a load takes about
// a hundred instructions, a change of a variable ten, a product and a sum in a value four: so two words are multiplied
// before a sum changes, and loads of two words share their index.
//
// Measured with 8-bit results on SwiftShader (two cores shared with others, best of 3, by time of the CPU, the float32
// kernel's time in these units): 1 x 1 over 12 x 80, 240 to 240 channels 1.6, 48 to 96 channels 2.0; 3 x 3, 96 to 24 channels,
// 40 x 40 1.7. With conditions first, one word at a time and other kinds of results in the same shader: 1.1, 0.7, 1.2.

@group(0) @binding(0) var<uniform> uniforms: Uniforms;
@group(0) @binding(1) var<storage, read> x: array<vec2u>;
@group(0) @binding(2) var<storage, read> weights: array<vec4u>;
@group(0) @binding(3) var<storage, read> terms: array<Term>;
@group(0) @binding(4) var<storage, read> table: array<u32, 256>;
@group(0) @binding(5) var<storage, read_write> y: array<u32>;

// 1,024 products of -128 and -128 are 2^24.
const exactPairs = 128u;
const cells = 32u;

// What an element of the sums is: as the products make it, 2^48 times as large, where that is exact.
@if(shallow) alias Cell = vec4f;
@if(!shallow) alias Cell = vec4i;

@if(shallow)
fn sumOf(cell: Cell) -> vec4i {
  return vec4i(cell * bytePairScale);
}

@if(!shallow)
fn sumOf(cell: Cell) -> vec4i {
  return cell;
}

// A word of codes as it is written.
fn finished(codes: u32) -> u32 {
  @if(lookup) return replacedBytes(codes, &table);
  @else return codes;
}

@if(!shallow)
fn flush(partials: ptr<function, array<vec4f, cells>>, sums: ptr<function, array<vec4i, cells>>, low: vec4i, high: vec4i) {
  for (var i = 0u; i < cells; i += 2u) {
    (*sums)[i] += low * vec4i((*partials)[i] * bytePairScale);
    (*sums)[i + 1u] += high * vec4i((*partials)[i + 1u] * bytePairScale);
    (*partials)[i] = vec4f();
    (*partials)[i + 1u] = vec4f();
  }
}

// Words of x, or what fills the padding.
fn filled(words: vec2u, fill: vec2u, inside: bool) -> vec2u {
  @if(whole) return words;
  @else return select(fill, words, inside);
}

// The place after another one, row by row.
fn following(place: vec3u, lengths: vec3u) -> vec3u {
  let column = place.z + 1u;
  let row = place.y + u32(column == lengths.z);
  let depth = place.x + u32(row == lengths.y);
  return vec3u(depth, select(row, 0u, row == lengths.y), select(column, 0u, column == lengths.z));
}

// Where the window of a place begins in x, without padding, in pairs of words.
fn startOf(place: vec3u, lengths: vec3u, pairs: u32) -> u32 {
  return ((place.x * lengths.y + place.y) * lengths.z + place.z) * pairs;
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
  let flip = vec2u(uniforms.flip);
  let header = terms[groupCount];
  let fill = vec2u(bitcast<u32>(header.offset));
  let t = channelFirst;
  let lowTerms = termsOf(terms[t], terms[t + 1u], terms[t + 2u], terms[t + 3u]);
  let highTerms = termsOf(terms[t + 4u], terms[t + 5u], terms[t + 6u], terms[t + 7u]);

  let kernelHeight = uniforms.kernelHeight;
  let kernelWidth = uniforms.kernelWidth;
  let dilation = vec3u(uniforms.dilationDepth, uniforms.dilationHeight, uniforms.dilationWidth);
  let pad = vec3i(uniforms.padDepth, uniforms.padHeight, uniforms.padWidth);
  let lengths = vec3u(uniforms.inputDepth, uniforms.inputHeight, uniforms.inputWidth);
  let step = vec3u(uniforms.strideDepth, uniforms.strideHeight, uniforms.strideWidth);
  let outputs = vec3u(uniforms.outputDepth, uniforms.outputHeight, uniforms.outputWidth);
  let pairs = uniforms.inputWords / 2u;
  let pixel = tile.pixel * 16u;
  let plane = pixel / outputs.z;
  let place0 = vec3u(plane / outputs.y, plane % outputs.y, pixel % outputs.z);
  let place1 = following(place0, outputs);
  let place2 = following(place1, outputs);
  let place3 = following(place2, outputs);
  let place4 = following(place3, outputs);
  let place5 = following(place4, outputs);
  let place6 = following(place5, outputs);
  let place7 = following(place6, outputs);
  let place8 = following(place7, outputs);
  let place9 = following(place8, outputs);
  let place10 = following(place9, outputs);
  let place11 = following(place10, outputs);
  let place12 = following(place11, outputs);
  let place13 = following(place12, outputs);
  let place14 = following(place13, outputs);
  let place15 = following(place14, outputs);
  let from0 = place0 * step;
  let start0 = startOf(from0, lengths, pairs);
  let from1 = place1 * step;
  let start1 = startOf(from1, lengths, pairs);
  let from2 = place2 * step;
  let start2 = startOf(from2, lengths, pairs);
  let from3 = place3 * step;
  let start3 = startOf(from3, lengths, pairs);
  let from4 = place4 * step;
  let start4 = startOf(from4, lengths, pairs);
  let from5 = place5 * step;
  let start5 = startOf(from5, lengths, pairs);
  let from6 = place6 * step;
  let start6 = startOf(from6, lengths, pairs);
  let from7 = place7 * step;
  let start7 = startOf(from7, lengths, pairs);
  let from8 = place8 * step;
  let start8 = startOf(from8, lengths, pairs);
  let from9 = place9 * step;
  let start9 = startOf(from9, lengths, pairs);
  let from10 = place10 * step;
  let start10 = startOf(from10, lengths, pairs);
  let from11 = place11 * step;
  let start11 = startOf(from11, lengths, pairs);
  let from12 = place12 * step;
  let start12 = startOf(from12, lengths, pairs);
  let from13 = place13 * step;
  let start13 = startOf(from13, lengths, pairs);
  let from14 = place14 * step;
  let start14 = startOf(from14, lengths, pairs);
  let from15 = place15 * step;
  let start15 = startOf(from15, lengths, pairs);
  let groupFirst = (tile.batch * lengths.x * lengths.y * lengths.z) * pairs + tile.group * uniforms.groupWords / 2u;
  let depthPairs = uniforms.depthWords / 2u;
  let weightStep = uniforms.weightChannels / 4u;
  let taps = uniforms.kernelDepth * kernelHeight * kernelWidth;

  var sums: array<Cell, cells>;
  @if(!shallow) var partials: array<vec4f, cells>;
  @if(shallow) let goal = &sums;
  @else let goal = &partials;
  var turn = 0u;
  loop {
    var pairFirst = 0u;
    loop {
      let pairEnd = min(pairFirst + exactPairs, depthPairs);
      let blockTaps = exactPairs / (pairEnd - pairFirst);
      var tap = 0u;
      loop {
        let tapEnd = min(tap + blockTaps, taps);
        loop {
          // Coordinates before the first element wrap to large ones; what is read there, and for pixels beyond the last,
          // is not used.
          let shift = vec3u(shiftOf(tap, kernelHeight, kernelWidth, dilation, pad));
          let first = groupFirst + startOf(shift, lengths, pairs);
          let inside0 = all(from0 + shift < lengths);
          let inside1 = all(from1 + shift < lengths);
          let inside2 = all(from2 + shift < lengths);
          let inside3 = all(from3 + shift < lengths);
          let inside4 = all(from4 + shift < lengths);
          let inside5 = all(from5 + shift < lengths);
          let inside6 = all(from6 + shift < lengths);
          let inside7 = all(from7 + shift < lengths);
          let inside8 = all(from8 + shift < lengths);
          let inside9 = all(from9 + shift < lengths);
          let inside10 = all(from10 + shift < lengths);
          let inside11 = all(from11 + shift < lengths);
          let inside12 = all(from12 + shift < lengths);
          let inside13 = all(from13 + shift < lengths);
          let inside14 = all(from14 + shift < lengths);
          let inside15 = all(from15 + shift < lengths);
          let weightTap = ((tile.group * uniforms.passes + turn) * taps + tap) * depthPairs;
          var pair = pairFirst;
          loop {
            let weight = (weightTap + pair) * 2u * weightStep + channel / 4u;
            let low = scaledByteMatrix(weights[weight]);
            let high = scaledByteMatrix(weights[weight + 1u]);
            let nextLow = scaledByteMatrix(weights[weight + weightStep]);
            let nextHigh = scaledByteMatrix(weights[weight + weightStep + 1u]);
            let at = first + pair;
            let words0 = filled(x[at + start0] ^ flip, fill, inside0);
            let a0 = scaledBytes(words0.x);
            let b0 = scaledBytes(words0.y);
            (*goal)[0] += low * a0 + nextLow * b0;
            (*goal)[1] += high * a0 + nextHigh * b0;
            let words1 = filled(x[at + start1] ^ flip, fill, inside1);
            let a1 = scaledBytes(words1.x);
            let b1 = scaledBytes(words1.y);
            (*goal)[2] += low * a1 + nextLow * b1;
            (*goal)[3] += high * a1 + nextHigh * b1;
            let words2 = filled(x[at + start2] ^ flip, fill, inside2);
            let a2 = scaledBytes(words2.x);
            let b2 = scaledBytes(words2.y);
            (*goal)[4] += low * a2 + nextLow * b2;
            (*goal)[5] += high * a2 + nextHigh * b2;
            let words3 = filled(x[at + start3] ^ flip, fill, inside3);
            let a3 = scaledBytes(words3.x);
            let b3 = scaledBytes(words3.y);
            (*goal)[6] += low * a3 + nextLow * b3;
            (*goal)[7] += high * a3 + nextHigh * b3;
            let words4 = filled(x[at + start4] ^ flip, fill, inside4);
            let a4 = scaledBytes(words4.x);
            let b4 = scaledBytes(words4.y);
            (*goal)[8] += low * a4 + nextLow * b4;
            (*goal)[9] += high * a4 + nextHigh * b4;
            let words5 = filled(x[at + start5] ^ flip, fill, inside5);
            let a5 = scaledBytes(words5.x);
            let b5 = scaledBytes(words5.y);
            (*goal)[10] += low * a5 + nextLow * b5;
            (*goal)[11] += high * a5 + nextHigh * b5;
            let words6 = filled(x[at + start6] ^ flip, fill, inside6);
            let a6 = scaledBytes(words6.x);
            let b6 = scaledBytes(words6.y);
            (*goal)[12] += low * a6 + nextLow * b6;
            (*goal)[13] += high * a6 + nextHigh * b6;
            let words7 = filled(x[at + start7] ^ flip, fill, inside7);
            let a7 = scaledBytes(words7.x);
            let b7 = scaledBytes(words7.y);
            (*goal)[14] += low * a7 + nextLow * b7;
            (*goal)[15] += high * a7 + nextHigh * b7;
            let words8 = filled(x[at + start8] ^ flip, fill, inside8);
            let a8 = scaledBytes(words8.x);
            let b8 = scaledBytes(words8.y);
            (*goal)[16] += low * a8 + nextLow * b8;
            (*goal)[17] += high * a8 + nextHigh * b8;
            let words9 = filled(x[at + start9] ^ flip, fill, inside9);
            let a9 = scaledBytes(words9.x);
            let b9 = scaledBytes(words9.y);
            (*goal)[18] += low * a9 + nextLow * b9;
            (*goal)[19] += high * a9 + nextHigh * b9;
            let words10 = filled(x[at + start10] ^ flip, fill, inside10);
            let a10 = scaledBytes(words10.x);
            let b10 = scaledBytes(words10.y);
            (*goal)[20] += low * a10 + nextLow * b10;
            (*goal)[21] += high * a10 + nextHigh * b10;
            let words11 = filled(x[at + start11] ^ flip, fill, inside11);
            let a11 = scaledBytes(words11.x);
            let b11 = scaledBytes(words11.y);
            (*goal)[22] += low * a11 + nextLow * b11;
            (*goal)[23] += high * a11 + nextHigh * b11;
            let words12 = filled(x[at + start12] ^ flip, fill, inside12);
            let a12 = scaledBytes(words12.x);
            let b12 = scaledBytes(words12.y);
            (*goal)[24] += low * a12 + nextLow * b12;
            (*goal)[25] += high * a12 + nextHigh * b12;
            let words13 = filled(x[at + start13] ^ flip, fill, inside13);
            let a13 = scaledBytes(words13.x);
            let b13 = scaledBytes(words13.y);
            (*goal)[26] += low * a13 + nextLow * b13;
            (*goal)[27] += high * a13 + nextHigh * b13;
            let words14 = filled(x[at + start14] ^ flip, fill, inside14);
            let a14 = scaledBytes(words14.x);
            let b14 = scaledBytes(words14.y);
            (*goal)[28] += low * a14 + nextLow * b14;
            (*goal)[29] += high * a14 + nextHigh * b14;
            let words15 = filled(x[at + start15] ^ flip, fill, inside15);
            let a15 = scaledBytes(words15.x);
            let b15 = scaledBytes(words15.y);
            (*goal)[30] += low * a15 + nextLow * b15;
            (*goal)[31] += high * a15 + nextHigh * b15;
            continuing {
              pair++;
              break if pair >= pairEnd;
            }
          }
          continuing {
            tap++;
            break if tap >= tapEnd;
          }
        }
        @if(!shallow) flush(
          &partials,
          &sums,
          select(vec4i(1), -lowTerms.zeroPoints, turn == 1u),
          select(vec4i(1), -highTerms.zeroPoints, turn == 1u),
        );
        continuing {
          break if tap >= taps;
        }
      }
      continuing {
        pairFirst = pairEnd;
        break if pairFirst >= depthPairs;
      }
    }
    continuing {
      turn++;
      break if turn >= uniforms.passes;
    }
  }

  let pixelCount = outputs.x * outputs.y * outputs.z;
  let pixelsLeft = pixelCount - pixel;
  let channelsLeft = uniforms.outputChannels - min(channel, uniforms.outputChannels);
  @if(codes) {
    let resultWords = uniforms.resultWords;
    let rounding = roundingOf(header.zeroPoint, uniforms.lowest, uniforms.highest);
    let highLeft = channelsLeft - min(4u, channelsLeft);
    let lowBytes = bytesOf(channelsLeft);
    let highBytes = bytesOf(highLeft);
    let row = (tile.batch * pixelCount + pixel) * resultWords;
    let first = row + channelFirst / 4u;
    // Written out it would compile three times as long. `unsure`: two bits a pixel.
    var unsure = 0u;
    var pixels = 0u;
    loop {
      let low = nearCodes(sumOf(sums[2u * pixels]), lowTerms, rounding);
      let high = nearCodes(sumOf(sums[2u * pixels + 1u]), highTerms, rounding);
      y[first + pixels * resultWords] = finished(low.word) & lowBytes;
      if (highLeft > 0u) { y[first + pixels * resultWords + 1u] = finished(high.word) & highBytes; }
      unsure |= (u32(low.unsure != 0u) + u32(high.unsure != 0u) * 2u) << (2u * pixels);
      continuing {
        pixels++;
        break if pixels >= min(pixelsLeft, 16u);
      }
    }
    // Codes that are not certain are made again, one at a time; those of a cell are found again.
    var done = 0u;
    loop {
      let cell = firstTrailingBit(unsure) % cells;
      let sum = sumOf(sums[cell]);
      let isHigh = cell % 2u == 1u;
      var ofChannels = lowTerms;
      if (isHigh) { ofChannels = highTerms; }
      let left = nearCodes(sum, ofChannels, rounding).unsure & ~done;
      let lane = firstTrailingBit(left) % 4u;
      let place = 8u * lane;
      let code = finished(exactCode((sum + ofChannels.offsets)[lane], ofChannels.factors[lane], rounding)) & 0xffu;
      let bytes = select(lowBytes, highBytes, isHigh);
      let goal = first + cell / 2u * resultWords + cell % 2u;
      if (unsure != 0u && (!isHigh || highLeft > 0u)) { y[goal] = (y[goal] & ~(0xffu << place)) | ((code << place) & bytes); }
      continuing {
        let rest = left & (left - 1u);
        done = select(done | (1u << lane), 0u, rest == 0u);
        unsure = select(unsure, unsure & (unsure - 1u), rest == 0u);
        break if unsure == 0u;
      }
    }
    // Rows end with zeros.
    let written = (groupCount + 3u) / 4u;
    var ending = select(0u, min(pixelsLeft, 16u), channelFirst + 8u >= groupCount && written < resultWords);
    loop {
      let end = row + ending * resultWords;
      if (ending > 0u) {
        y[end - 1u] = 0u;
        if (written + 1u < resultWords) { y[end - 2u] = 0u; }
        if (written + 2u < resultWords) { y[end - 3u] = 0u; }
      }
      continuing {
        ending -= min(ending, 1u);
        break if ending == 0u;
      }
    }
  }
  @else {
    let floatBounds = vec2f(uniforms.lower, uniforms.upper);
    let isSum = uniforms.result == sumsResult;
    for (var j = 0u; j < 16u; j++) {
      if (j >= pixelsLeft) {
        break;
      }
      let first = (tile.batch * groupCount + channelFirst) * pixelCount + pixel + j;
      let low = wordsOf(sumOf(sums[2u * j]), lowTerms, isSum, floatBounds);
      let high = wordsOf(sumOf(sums[2u * j + 1u]), highTerms, isSum, floatBounds);
      for (var i = 0u; i < 8u; i++) {
        if (i >= channelsLeft) {
          break;
        }
        y[first + i * pixelCount] = select(low[i % 4u], high[i % 4u], i >= 4u);
      }
    }
  }
}
