// What the float32 convolutions have in common: their uniforms, how their work is cut into tiles, and where the taps of
// the kernel reach. Spatial axes are depth, height and width; those that a convolution lacks have length 1.
//
// A transposed convolution is done by phases: the results whose coordinates leave the same remainder modulo the stride
// (its phase) are reached by the same taps, and within a phase it is a convolution of stride 1. So both kinds see a grid
// of results: all of them, or those of one phase.
//
// The epilogue adds the bias and applies a curve, by the conditions of shared/curve.wgsl.
//
// A tile is a range of channels of one group and a range of pixels of the grid, of one batch and phase. Tiles are counted
// pixels first, then phases, channels, groups, batches.
import package::shared::curve::Curve;

struct Uniforms {
  // Tiles of this dispatch: [start, end).
  tileStart: u32,
  tileEnd: u32,
  pixelTiles: u32,
  channelTiles: u32,
  groups: u32,
  // Channels of one group.
  inputChannels: u32,
  outputChannels: u32,
  // Output channels that the arranged weights are padded to.
  weightChannels: u32,
  inputDepth: u32,
  inputHeight: u32,
  inputWidth: u32,
  outputDepth: u32,
  outputHeight: u32,
  outputWidth: u32,
  // Lengths of the grid.
  gridDepth: u32,
  gridHeight: u32,
  gridWidth: u32,
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
  hasBias: u32,
  // What is done to a result: shared/curve.wgsl.
  curveSlope: f32,
  curveOffset: f32,
  curveLower: f32,
  curveUpper: f32,
  curveScale: f32,
  curveShift: f32,
  curveGated: u32,
}

struct Tile {
  pixel: u32,
  phase: vec3u,
  channel: u32,
  group: u32,
  batch: u32,
}

// Index of a tile as its parts, `pixel` and `channel` still counted in tiles.
fn tileOf(index: u32, u: Uniforms) -> Tile {
  var tile: Tile;
  var rest = index;
  tile.pixel = rest % u.pixelTiles;
  rest /= u.pixelTiles;
  @if(transposed) {
    let phase = rest % (u.strideDepth * u.strideHeight * u.strideWidth);
    rest /= u.strideDepth * u.strideHeight * u.strideWidth;
    let plane = phase / u.strideWidth;
    tile.phase = vec3u(plane / u.strideHeight, plane % u.strideHeight, phase % u.strideWidth);
  }
  tile.channel = rest % u.channelTiles;
  rest /= u.channelTiles;
  tile.group = rest % u.groups;
  tile.batch = rest / u.groups;
  return tile;
}

// What a tap adds to `grid coordinate * gridStep` to give the coordinate in the input.
struct Reach {
  shift: vec3i,
  // False where no result of this phase is reached by the tap.
  reaches: bool,
}

fn gridStep(u: Uniforms) -> vec3i {
  @if(transposed) return vec3i(1);
  @else return vec3i(vec3u(u.strideDepth, u.strideHeight, u.strideWidth));
}

fn reachOf(tap: u32, phase: vec3u, u: Uniforms) -> Reach {
  let plane = tap / u.kernelWidth;
  let place = vec3u(plane / u.kernelHeight, plane % u.kernelHeight, tap % u.kernelWidth);
  let offset = vec3i(place * vec3u(u.dilationDepth, u.dilationHeight, u.dilationWidth));
  let pad = vec3i(u.padDepth, u.padHeight, u.padWidth);
  @if(transposed) {
    let stride = vec3i(vec3u(u.strideDepth, u.strideHeight, u.strideWidth));
    let distance = vec3i(phase) + pad - offset;
    return Reach(distance / stride, all(distance % stride == vec3i()));
  }
  @else return Reach(offset - pad, true);
}

// Position of a pixel of the grid in the output's planes; beyond them for one that does not exist.
fn outputPixel(pixel: u32, phase: vec3u, u: Uniforms) -> u32 {
  @if(transposed) {
    let plane = pixel / u.gridWidth;
    let at = vec3u(plane / u.gridHeight, plane % u.gridHeight, pixel % u.gridWidth)
      * vec3u(u.strideDepth, u.strideHeight, u.strideWidth) + phase;
    if (at.x >= u.outputDepth || at.y >= u.outputHeight || at.z >= u.outputWidth) {
      return 0xffffffffu;
    }
    return (at.x * u.outputHeight + at.y) * u.outputWidth + at.z;
  }
  @else return select(0xffffffffu, pixel, pixel < u.gridDepth * u.gridHeight * u.gridWidth);
}

// What is done to a result once its bias is added.
fn curveOf(u: Uniforms) -> Curve {
  return Curve(u.curveSlope, u.curveOffset, u.curveLower, u.curveUpper, u.curveScale, u.curveShift, u.curveGated);
}
