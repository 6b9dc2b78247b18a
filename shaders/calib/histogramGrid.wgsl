// The grid of a histogram: cells [i·w, (i + 1)·w) for whole i, where w is the least power of two with which the cells that
// hold 0, the least and the greatest element are at most 2,048 in number. What was counted on one grid is thereby counted on
// any coarser one by adding pairs of cells, exactly. All in integers, so that it is the same everywhere. The same in
// TypeScript: src/calib/histogram.ts.
//
// State of a parameter, in u32: exponent of w, plus 150 (0 before anything was counted); first cell, as i32; for each of
// 2,048 cells from that one on the number of elements other than 0, below 2^31 where the host or `growHistogram` sees it;
// number of zeros, likewise; and for each of these 2,049 counts how often 2^31 was carried from it.
import package::shared::exactFloat::{bitsFromOrdered, magnitudeMask, magnitudeOf};

const cellCount = 2048u;
const counters = cellCount + 1u;
const countsAt = 2u;
const carriesAt = countsAt + counters;
const stateWords = carriesAt + counters;
const exponentBias = 150;
const leastExponent = -149;

struct Grid { exponent: i32, first: i32 }

// The cell of a finite number on a grid that it was regarded in.
fn cellOf(bits: u32, exponent: i32) -> i32 {
  let magnitude = magnitudeOf(bits);
  // A significand has 24 bits: from here on nothing is left of it.
  let shift = u32(clamp(exponent - magnitude.exponent, 0, 31));
  let negative = (bits >> 31u) == 1u;
  let up = select(0u, (1u << shift) - 1u, negative);
  let cell = i32((magnitude.significand + up) >> shift);
  return select(cell, -cell, negative);
}

// The grid for numbers between two floats and 0.
fn gridOf(minimum: u32, maximum: u32) -> Grid {
  let low = select(0u, minimum, (minimum >> 31u) == 1u);
  let high = select(maximum, 0u, (maximum >> 31u) == 1u);
  let greatest = max(low & magnitudeMask, high);
  let magnitude = magnitudeOf(greatest);
  // 2^top is the greatest power of two up to the greatest magnitude.
  let top = 31 - i32(countLeadingZeros(magnitude.significand)) + magnitude.exponent;
  var exponent = max(top - 10, leastExponent);
  // Then 2 * 1,024 cells suffice.
  if (cellOf(high, exponent) - cellOf(low, exponent) >= i32(cellCount)) { exponent++; }
  return Grid(exponent, cellOf(low, exponent));
}
