// What the kernels of 8-bit assignment share: the scale of the centroids' codes, and words of `centroidTerms`.

// The largest bound above |c - scale * codes| over the centroids, as the bits of a float.
const LARGEST_ERROR = 0u;
// The largest sum of squared codes of a centroid.
const LARGEST_SQUARES = 1u;
// From here on, a word a cluster: half its squared norm, in units of the product of both scales, as i32.
const OFFSETS = 4u;

// The offset of clusters beyond the last: above every score.
const FAR = 0x7fffffff;

// Scales have 16 significant bits, so that their products with codes are exact, and are far from underflow.
const smallestScale = 0x1p-30f;

// The scale for coordinates up to `largest`; no larger than that of the points, so that scores stay within 31 bits.
fn centroidScale(largest: f32, pointScale: f32) -> f32 {
  let bits = bitcast<u32>(largest / 127.0);
  return clamp(bitcast<f32>((bits + 0x1ffu) & 0xffffff00u), smallestScale, pointScale);
}
