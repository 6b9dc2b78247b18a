import type { Engine } from '../../src/index.ts';

/** Draws when it is asked to: at the next frame, however often it is asked. On a slow adapter that waits for the last one. */
export class Frames {
  readonly #render: () => Promise<void>;
  #stale = false;
  #drawing = false;

  /** @param render draws one frame; what it rejects with is left to who owns the device */
  constructor(render: () => Promise<void>) {
    this.#render = render;
  }

  request(): void {
    this.#stale = true;
    if (this.#drawing) return;
    this.#drawing = true;
    const frame = async (): Promise<void> => {
      this.#stale = false;
      await this.#render().catch(() => undefined);
      if (this.#stale) requestAnimationFrame(frame);
      else this.#drawing = false;
    };
    requestAnimationFrame(frame);
  }
}

/**
 * Gives a canvas as many pixels as it covers of the screen.
 *
 * @returns pixels for one CSS pixel; 0 where the canvas cannot be seen
 */
export function fitCanvas({ info }: Engine, canvas: HTMLCanvasElement): number {
  // Shaders on the CPU pay for every pixel.
  const pixelRatio = Math.min(devicePixelRatio, info.software ? 1 : 2.5);
  const width = Math.round(canvas.clientWidth * pixelRatio);
  const height = Math.round(canvas.clientHeight * pixelRatio);
  if (width === 0 || height === 0) return 0;
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  return pixelRatio;
}
