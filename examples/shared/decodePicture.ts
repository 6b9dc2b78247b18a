import { InvalidInput } from '../../src/index.ts';

/**
 * The pixels of an image, over white where it is transparent.
 *
 * @param longest pixels that its longer side is shrunk to, if it has more
 */
export function pixelsOf(image: CanvasImageSource, width: number, height: number, longest: number): ImageData {
  const scale = Math.min(longest / Math.max(width, height), 1);
  const [drawnWidth, drawnHeight] = [Math.max(Math.round(width * scale), 1), Math.max(Math.round(height * scale), 1)];
  const context = new OffscreenCanvas(drawnWidth, drawnHeight).getContext('2d');
  if (!context) throw new Error(`The browser gave no canvas of ${drawnWidth} × ${drawnHeight} pixels.`);
  context.fillStyle = '#fff';
  context.fillRect(0, 0, drawnWidth, drawnHeight);
  context.imageSmoothingQuality = 'high';
  context.drawImage(image, 0, 0, drawnWidth, drawnHeight);
  return context.getImageData(0, 0, drawnWidth, drawnHeight);
}

/**
 * The pixels of a picture file.
 *
 * @param longest as in `pixelsOf`
 * @throws InvalidInput when the browser cannot open it
 */
export async function decodePicture(file: File, longest: number): Promise<ImageData> {
  const bitmap = await createImageBitmap(file).catch((cause: unknown) => {
    throw new InvalidInput(
      `“${file.name}” (${file.type || 'unknown type'}) is no picture that this browser can open. Choose a PNG, JPEG, WebP or AVIF file.`,
      { cause },
    );
  });
  try {
    return pixelsOf(bitmap, bitmap.width, bitmap.height, longest);
  } finally {
    bitmap.close();
  }
}
