/** What rounding to codes does to the elements of a value. */
import { type HostData, integerRange } from '../hostTensor.ts';
import type { QuantizedValue } from './layers.ts';

/** How elements are spread over equal bins. */
export interface ValueHistogram {
  /** Lower end of the first bin and upper end of the last. What lies beyond is counted in these two. */
  readonly from: number;
  readonly to: number;
  readonly counts: readonly number[];
}

/** A value as a layer reads it, rounded to codes of one scale. */
export interface QuantizedValueReport {
  readonly name: string;
  readonly scale: number;
  readonly zeroPoint: number;
  /** What the least and the greatest code stand for: the clip lines. */
  readonly clip: { readonly least: number; readonly greatest: number };
  /** Of all elements, before they are rounded. */
  readonly observed: { readonly least: number; readonly greatest: number };
  /** Share of codes at either end, from 0 to 1. Zeros behind a Relu are at the lower end and lose nothing. */
  readonly saturation: number;
  /** Share of elements that the codes do not reach: further than half a step beyond the clip lines. */
  readonly clipped: number;
  readonly histogram: ValueHistogram;
}

/** Bins between the clip lines, and beyond each of them. */
const innerBins = 48;
const outerBins = 12;

/** Counts the elements of a value over runs. Keeps 72 bins, no elements. */
export class ValueMeter {
  readonly #name: string;
  readonly #scale: number;
  readonly #zeroPoint: number;
  readonly #clip: QuantizedValueReport['clip'];
  readonly #counts = new Array<number>(innerBins + 2 * outerBins).fill(0);
  #least = Number.POSITIVE_INFINITY;
  #greatest = Number.NEGATIVE_INFINITY;
  #saturated = 0;
  #clipped = 0;
  #count = 0;

  /** @param value of one scale */
  constructor({ name, scale, zeroPoint, bounds }: QuantizedValue) {
    this.#name = name;
    this.#scale = scale.data[0] ?? 1;
    this.#zeroPoint = zeroPoint?.data[0] ?? 0;
    const codes = integerRange(zeroPoint?.elementType ?? 'uint8') ?? [0, 255];
    const [least, greatest] = bounds ?? codes.map((code) => (code - this.#zeroPoint) * this.#scale);
    this.#clip = { least: least ?? 0, greatest: greatest ?? 0 };
  }

  add(elements: HostData): void {
    const { least: low, greatest: high } = this.#clip;
    const width = (high - low) / innerBins;
    const [belowCodes, aboveCodes] = [low - this.#scale / 2, high + this.#scale / 2];
    for (const element of elements) {
      this.#count++;
      this.#least = Math.min(this.#least, element);
      this.#greatest = Math.max(this.#greatest, element);
      const isBeyond = element < belowCodes || element > aboveCodes;
      if (isBeyond) this.#clipped++;
      if (isBeyond || element <= low + this.#scale / 2 || element >= high - this.#scale / 2) this.#saturated++;
      const bin = Math.floor((element - low) / width) + outerBins;
      const within = Math.min(Math.max(Number.isNaN(bin) ? 0 : bin, 0), this.#counts.length - 1);
      this.#counts[within] = (this.#counts[within] ?? 0) + 1;
    }
  }

  get result(): QuantizedValueReport {
    const clip = this.#clip;
    const beyond = ((clip.greatest - clip.least) / innerBins) * outerBins;
    const total = Math.max(this.#count, 1);
    const seen = this.#count > 0;
    return {
      name: this.#name,
      scale: this.#scale,
      zeroPoint: this.#zeroPoint,
      clip,
      observed: { least: seen ? this.#least : 0, greatest: seen ? this.#greatest : 0 },
      saturation: this.#saturated / total,
      clipped: this.#clipped / total,
      histogram: { from: clip.least - beyond, to: clip.greatest + beyond, counts: this.#counts },
    };
  }
}
