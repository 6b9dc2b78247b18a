import { grouped, make } from '../shared/elements.ts';
import { percent } from './figures.ts';

function drawn(image: ImageData, label: string): HTMLElement {
  const canvas = make('canvas', { width: String(image.width), height: String(image.height), role: 'img' });
  canvas.ariaLabel = label;
  canvas.getContext('2d')?.putImageData(image, 0, 0);
  return make('figure', {}, canvas, make('figcaption', {}, label));
}

/** The picture with every pixel in the colour of its cluster. */
function quantizedPicture({ width, height }: ImageData, labels: Int32Array, palette: Float64Array): ImageData {
  const image = new ImageData(width, height);
  labels.forEach((label, pixel) => {
    for (let part = 0; part < 3; part++) image.data[pixel * 4 + part] = Math.round(palette[label * 3 + part] as number);
    image.data[pixel * 4 + 3] = 255;
  });
  return image;
}

/** Ratio of signal to noise, in decibels, of two pictures with bytes for colours. */
function peakRatio(original: ImageData, other: ImageData): number {
  let sum = 0;
  original.data.forEach((value, index) => {
    if (index % 4 !== 3) sum += (value - (other.data[index] as number)) ** 2;
  });
  return 10 * Math.log10((255 ** 2 * 3 * original.width * original.height) / sum);
}

/** A picture beside itself with the colours of the clusters alone, and what that saves. */
export function comparePictures(original: ImageData, labels: Int32Array, palette: Float64Array): HTMLElement {
  const colours = palette.length / 3;
  const quantized = quantizedPicture(original, labels, palette);
  const bits = Math.max(Math.ceil(Math.log2(colours)), 1);
  const bytes = original.width * original.height * 3;
  const smaller = Math.ceil((labels.length * bits) / 8) + 3 * colours;
  return make(
    'div',
    { class: 'pictures' },
    drawn(original, `Original: ${grouped(bytes)} bytes`),
    drawn(
      quantized,
      `${grouped(colours)} colours, ${bits} ${bits === 1 ? 'bit' : 'bits'} a pixel: ${grouped(smaller)} bytes, ${percent(1 - smaller / bytes)} saved, PSNR ${peakRatio(original, quantized).toFixed(1)} dB`,
    ),
  );
}
