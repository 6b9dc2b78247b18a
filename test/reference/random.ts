/**
 * A small seeded generator for tests: the same seed gives the same numbers on every machine, so a failure can be run
 * again. Not for the library: it is sequential, where a kernel needs numbers addressed by index.
 */
export interface Random {
  /** A float64 in [0, 1) with 53 random bits. */
  uniform(): number;
  /** An integer in [low, high], both included; at most 2³² different values. */
  integer(low: number, high: number): number;
  /** A normal deviate with mean 0 and standard deviation 1. */
  normal(): number;
  /** 32 random bits as an unsigned integer. */
  bits(): number;
  /** `count` float32 values, uniform between low (0) and high (1). */
  uniformArray(count: number, low?: number, high?: number): Float32Array<ArrayBuffer>;
  /** `count` normal float32 values. */
  normalArray(count: number, mean?: number, deviation?: number): Float32Array<ArrayBuffer>;
  /** `count` integers in [low, high], both included, which must lie in the range of int32. */
  integerArray(count: number, low: number, high: number): Int32Array<ArrayBuffer>;
  /**
   * `count` float32 values of every kind: random bit patterns, small and large magnitudes, denormals, ±0 and, unless
   * `finite` is set, ±Infinity and NaN.
   */
  floatBitsArray(count: number, finite?: boolean): Float32Array<ArrayBuffer>;
}

const exponentMask = 0x7f800000;
const special = [0, 0x80000000, 1, 0x80000001, 0x007fffff, 0x00800000, 0x3f800000, 0x7f7fffff, 0xff7fffff];
const nonFinite = [0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001, 0x7f800001];

/**
 * Makes a generator from an integer seed (sfc32, the "small fast counter" of PractRand by C. Doty-Humphrey, 128 bits of
 * state, warmed up for 12 rounds).
 */
export function createRandom(seed: number): Random {
  let a = seed | 0;
  let b = (seed / 2 ** 32) | 0;
  let c = 0x9e3779b9 | 0;
  let counter = 1;

  function bits(): number {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  }
  for (let round = 0; round < 12; round++) bits();

  const uniform = (): number => ((bits() >>> 5) * 2 ** 26 + (bits() >>> 6)) / 2 ** 53;
  const integer = (low: number, high: number): number => low + Math.floor(uniform() * (high - low + 1));
  // Box and Muller; 1 − u keeps the logarithm's argument above zero.
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());

  function floatBits(finite: boolean): number {
    const choice = integer(0, 9);
    const sign = bits() & 0x80000000;
    if (choice === 0) return special[integer(0, special.length - 1)] ?? 0;
    if (choice === 1) return sign | (bits() & 0x007fffff);
    if (choice === 2 && !finite) return nonFinite[integer(0, nonFinite.length - 1)] ?? 0;
    // Half of the rest have a magnitude between 2⁻⁸ and 2⁸, where most arithmetic happens.
    if (choice < 6) return sign | (integer(127 - 8, 127 + 8) << 23) | (bits() & 0x007fffff);
    const word = bits();
    return finite && (word & exponentMask) === exponentMask ? word & ~0x40000000 : word;
  }

  return {
    uniform,
    integer,
    normal,
    bits,
    uniformArray: (count, low = 0, high = 1) =>
      Float32Array.from({ length: count }, () => low + (high - low) * uniform()),
    normalArray: (count, mean = 0, deviation = 1) =>
      Float32Array.from({ length: count }, () => mean + deviation * normal()),
    integerArray: (count, low, high) => Int32Array.from({ length: count }, () => integer(low, high)),
    floatBitsArray: (count, finite = false) =>
      new Float32Array(Uint32Array.from({ length: count }, () => floatBits(finite)).buffer),
  };
}
