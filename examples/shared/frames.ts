import type { Engine } from '../../src/index.ts';

/** Milliseconds that work waits for being seen. */
const longestWait = 1000;

/** Draws when it is asked to: at the next frame, however often it is asked. On a slow adapter that waits for the last one. */
export class Frames {
  readonly #render: () => Promise<void>;
  #stale = false;
  #drawing = false;
  #whenDrawn: (() => void)[] = [];

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
      const drawn = this.#whenDrawn.splice(0);
      await this.#render().catch(() => undefined);
      for (const resolve of drawn) resolve();
      if (this.#stale) requestAnimationFrame(frame);
      else this.#drawing = false;
    };
    requestAnimationFrame(frame);
  }

  /** Draws, and resolves once that can be seen; sooner where frames do not come, as in a tab in the background. */
  async drawn(): Promise<void> {
    const seen = new Promise<void>((resolve) => this.#whenDrawn.push(resolve));
    this.request();
    await Promise.race([seen, new Promise((resolve) => setTimeout(resolve, longestWait))]);
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
