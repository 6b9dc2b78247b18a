const largestExactMantissa = 2 ** 53 - 1;
/** Powers of ten that a float64 holds exactly. */
const powersOfTen = Float64Array.from({ length: 23 }, (_, exponent) => 10 ** exponent);
const decoder = new TextDecoder();

/**
 * Parses an ASCII decimal number such as `-1.5e3`, spaces around it allowed, straight from bytes and correctly rounded.
 * NaN if the bytes [start, end) are anything else (`nan` and `inf` included); ±Infinity beyond the range of float64.
 *
 * The fast path is Clinger's ("How to read floating point numbers accurately", 1990): a mantissa below 2⁵³ times or over
 * a power of ten up to 10²² is one correctly rounded operation.
 */
export function parseDecimal(bytes: Uint8Array, start: number, end: number): number {
  let position = start;
  let last = end;
  while (position < last && isSpace(bytes[position])) position += 1;
  while (last > position && isSpace(bytes[last - 1])) last -= 1;
  const first = position;
  const negative = bytes[position] === 45;
  if (negative || bytes[position] === 43) position += 1;

  let mantissa = 0;
  let digitCount = 0;
  let exponent = 0;
  let inFraction = false;
  for (; position < last; position++) {
    const byte = bytes[position] as number;
    if (byte >= 48 && byte <= 57) {
      mantissa = mantissa * 10 + (byte - 48);
      digitCount += 1;
      if (inFraction) exponent -= 1;
    } else if (byte === 46 && !inFraction) {
      inFraction = true;
    } else {
      break;
    }
  }
  if (digitCount === 0) return Number.NaN;
  if (position < last) {
    if (((bytes[position] as number) | 32) !== 101) return Number.NaN;
    position += 1;
    const negativeExponent = bytes[position] === 45;
    if (negativeExponent || bytes[position] === 43) position += 1;
    if (position >= last) return Number.NaN;
    let scale = 0;
    for (; position < last; position++) {
      const byte = bytes[position] as number;
      if (byte < 48 || byte > 57) return Number.NaN;
      scale = scale * 10 + (byte - 48);
    }
    exponent += negativeExponent ? -scale : scale;
  }

  if (mantissa <= largestExactMantissa && exponent >= -22 && exponent <= 22) {
    const magnitude =
      exponent < 0 ? mantissa / (powersOfTen[-exponent] as number) : mantissa * (powersOfTen[exponent] as number);
    return negative ? -magnitude : magnitude;
  }
  return Number(decoder.decode(bytes.subarray(first, last)));
}

function isSpace(byte: number | undefined): boolean {
  return byte === 32 || byte === 9;
}
