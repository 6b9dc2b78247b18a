// What the integer convolutions have in common: their uniforms, how their work is cut into tiles, and how sums become
// results. Channels lie last in x: [batch][depth][height][width][inputWords], four channels to a word; spatial axes that a
// convolution lacks have length 1.
//
// Weights: as conv/integerWeights.wgsl packs them, signed bytes; x is made signed by XOR with `flip`, and what the window
// reaches beyond x is filled with its zero point. With x', w' and the zero points p, q of the signed bytes, a result is
// Σ (x' − p)(w' − q) = Σ x'w' − q Σ x'm − p Σ (w' − q m), where m is 1 for the input channels that the output channel
// sees: the second sum is a second pass with m in place of the weights, left out where all q are 0; the last part is an
// offset that conv/integerTerms.wgsl makes, and constant because of the filling.
import package::shared::exactFloat::scaleInteger;

struct Uniforms {
  // Tiles of this dispatch: [start, end). Counted pixels first, then channels, groups, batches.
  tileStart: u32,
  tileEnd: u32,
  pixelTiles: u32,
  channelTiles: u32,
  groups: u32,
  // Words of a pixel of x, of them those of one group, and those that the weights of one tap have.
  inputWords: u32,
  groupWords: u32,
  depthWords: u32,
  // Output channels of one group, and what they are padded to in the weights.
  outputChannels: u32,
  weightChannels: u32,
  passes: u32,
  inputDepth: u32,
  inputHeight: u32,
  inputWidth: u32,
  outputDepth: u32,
  outputHeight: u32,
  outputWidth: u32,
  kernelDepth: u32,
  kernelHeight: u32,
  kernelWidth: u32,
  strideDepth: u32,
  strideHeight: u32,
  strideWidth: u32,
  dilationDepth: u32,
  dilationHeight: u32,
  dilationWidth: u32,
  // Padding before the first element; negative where elements are cut off.
  padDepth: i32,
  padHeight: i32,
  padWidth: i32,
  // 0x80808080 for unsigned x.
  flip: u32,
  // 0: i32 sums, 2: f32, both [batch][channel][pixel]; 1: bytes, [batch][pixel][resultWords].
  result: u32,
  resultWords: u32,
  // Bounds of bytes, and of f32.
  lowest: i32,
  highest: i32,
  lower: f32,
  upper: f32,
}

const sumsResult = 0u;
const codesResult = 1u;

// Of one output channel: its offset, the zero point of its weights, the factor of its sums, and its bias as f32. Behind the
// last channel: the word that fills the padding, the zero point of bytes, and that of x in the place of the factor's bits.
struct Term {
  offset: i32,
  zeroPoint: i32,
  factor: u32,
  bias: f32,
}

// The terms of four channels.
struct Terms {
  offsets: vec4i,
  zeroPoints: vec4i,
  factors: vec4u,
  biases: vec4f,
}

fn termsOf(a: Term, b: Term, c: Term, d: Term) -> Terms {
  return Terms(
    vec4i(a.offset, b.offset, c.offset, d.offset),
    vec4i(a.zeroPoint, b.zeroPoint, c.zeroPoint, d.zeroPoint),
    vec4u(a.factor, b.factor, c.factor, d.factor),
    vec4f(a.bias, b.bias, c.bias, d.bias),
  );
}

struct Tile {
  pixel: u32,
  channel: u32,
  group: u32,
  batch: u32,
}

// Index of a tile as its parts, `pixel` and `channel` still counted in tiles. These functions take the fields that they need:
// CPUs would load all of the uniforms at each call.
fn tileOf(index: u32, pixelTiles: u32, channelTiles: u32, groups: u32) -> Tile {
  let part = index / pixelTiles;
  let image = part / channelTiles;
  return Tile(index % pixelTiles, part % channelTiles, image % groups, image / groups);
}

// Where a tap of a window of the given height and width reads, from where the window begins.
fn shiftOf(tap: u32, height: u32, width: u32, dilation: vec3u, pad: vec3i) -> vec3i {
  let plane = tap / width;
  return vec3i(vec3u(plane / height, plane % height, tap % width) * dilation) - pad;
}

// The i32 results of four channels as words, or with bounds in (x, y) the f32 ones.
fn wordsOf(sums: vec4i, terms: Terms, isSum: bool, bounds: vec2f) -> vec4u {
  let offset = sums + terms.offsets;
  let scaled = clamp(vec4f(offset) * bitcast<vec4f>(terms.factors) + terms.biases, vec4f(bounds.x), vec4f(bounds.y));
  return select(bitcast<vec4u>(scaled), bitcast<vec4u>(offset), isSum);
}

// How codes are made: their zero point and bounds, all moved up by 128 where codes may be below 0, and the word that moves
// four of them back.
struct Rounding {
  zeroPoint: f32,
  lowest: f32,
  highest: f32,
  flip: u32,
}

fn roundingOf(zeroPoint: i32, lowest: i32, highest: i32) -> Rounding {
  let up = select(0, 128, lowest < 0);
  return Rounding(f32(zeroPoint + up), f32(lowest + up), f32(highest + up), select(0u, 0x80808080u, lowest < 0));
}

// Four rounded sums as the bytes of a word, within their bounds.
fn wordOf(rounded: vec4f, rounding: Rounding) -> u32 {
  let codes = clamp(rounded + rounding.zeroPoint, vec4f(rounding.lowest), vec4f(rounding.highest));
  // Three codes are exact as one f32.
  return (u32(i32(codes.x + codes.y * 256.0 + codes.z * 65536.0)) | (u32(i32(codes.w)) * 0x1000000u)) ^ rounding.flip;
}

// A word with ones in its first `count` bytes.
fn bytesOf(count: u32) -> u32 {
  return select(0xffffffffu, (1u << (8u * min(count, 3u))) - 1u, count < 4u);
}

// Codes as f32 makes them, and a bit for each that is too near to a tie of rounding.
struct NearCodes {
  word: u32,
  unsure: u32,
}

// The bytes of four channels in a word, in f32.
fn nearCodes(sums: vec4i, terms: Terms, rounding: Rounding) -> NearCodes {
  let scaled = vec4f(sums + terms.offsets) * bitcast<vec4f>(terms.factors);
  let nearest = round(scaled);
  // Results beyond 512 are beyond the bounds as well; up to there two roundings, wherever they go, are less than 2^-12.
  let unsure = select(vec4u(), vec4u(1u, 2u, 4u, 8u), abs(scaled - nearest) > vec4f(0.5 - 0x1p-12));
  return NearCodes(wordOf(nearest, rounding), unsure.x | unsure.y | unsure.z | unsure.w);
}

// One code in integers, of a sum with its offset.
fn exactCode(sum: i32, factor: u32, rounding: Rounding) -> u32 {
  let rounded = round(bitcast<f32>(scaleInteger(sum, factor)));
  let code = clamp(rounded + rounding.zeroPoint, rounding.lowest, rounding.highest);
  return u32(i32(code)) ^ (rounding.flip & 0xffu);
}
