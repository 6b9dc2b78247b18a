import { Random } from './shapes.ts';

/** A landscape at dusk, drawn: soft gradients and grain, as photographs have. @param longest pixels of its longer side */
export function drawSample(longest: number): ImageData {
  const [width, height] = [longest, Math.round(longest * 0.66)];
  const context = new OffscreenCanvas(width, height).getContext('2d');
  if (!context) throw new Error(`The browser gave no canvas of ${width} × ${height} pixels.`);
  const random = new Random(8);
  const sky = context.createLinearGradient(0, 0, 0, height * 0.7);
  const stops = ['#16264f', '#44427c', '#a5577f', '#ec8a5e', '#fbd08a'];
  for (const [index, colour] of stops.entries()) sky.addColorStop(index / (stops.length - 1), colour);
  context.fillStyle = sky;
  context.fillRect(0, 0, width, height);
  const sun = context.createRadialGradient(width * 0.66, height * 0.5, 0, width * 0.66, height * 0.5, height * 0.5);
  for (const [at, colour] of [
    [0, '#fff7d6'],
    [0.1, '#ffe9a6'],
    [0.14, '#ffd98a80'],
    [1, '#ffd98a00'],
  ] as const) {
    sun.addColorStop(at, colour);
  }
  context.fillStyle = sun;
  context.fillRect(0, 0, width, height);
  const hills = ['#6a4a78', '#45406f', '#25405a', '#173a3c', '#10241f'];
  for (const [index, colour] of hills.entries()) {
    const base = height * (0.52 + 0.1 * index);
    const waves = Array.from({ length: 4 }, (_, wave) => ({
      frequency: (1.2 + wave * 1.7) * (1 + 0.4 * random.uniform()),
      phase: 2 * Math.PI * random.uniform(),
      reach: (height * 0.07) / (1 + wave * 1.3),
    }));
    context.fillStyle = colour;
    context.beginPath();
    context.moveTo(0, height);
    for (let x = 0; x <= width; x++) {
      const rise = waves.reduce(
        (sum, { frequency, phase, reach }) => sum + reach * Math.sin((x / width) * 2 * Math.PI * frequency + phase),
        0,
      );
      context.lineTo(x, base + rise);
    }
    context.lineTo(width, height);
    context.fill();
  }
  const image = context.getImageData(0, 0, width, height);
  image.data.forEach((value, index) => {
    if (index % 4 !== 3) image.data[index] = value + 4 * random.normal();
  });
  return image;
}
