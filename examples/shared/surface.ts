import type { Engine } from '../../src/index.ts';

/** A canvas that a frame is rendered to. */
export interface Surface {
  readonly format: GPUTextureFormat;
  /** Where the frame is rendered, for a canvas of its present size. */
  target(): GPUTexture;
  /** Submits the frame and resolves once it can be seen. */
  present(encoder: GPUCommandEncoder): Promise<void>;
}

/** The format of all surfaces on this engine's adapter. */
export function surfaceFormat({ info }: Engine): GPUTextureFormat {
  return info.software ? 'rgba8unorm' : navigator.gpu.getPreferredCanvasFormat();
}

/** The surface of a canvas on this engine's adapter. */
export function surfaceOf(engine: Engine, canvas: HTMLCanvasElement): Surface {
  return engine.info.software ? new CopiedSurface(engine, canvas) : new CanvasSurface(engine, canvas);
}

/** The canvas itself. */
class CanvasSurface implements Surface {
  readonly format: GPUTextureFormat;
  readonly #device: GPUDevice;
  readonly #context: GPUCanvasContext;

  constructor(engine: Engine, canvas: HTMLCanvasElement) {
    const { device } = engine;
    this.format = surfaceFormat(engine);
    const context = canvas.getContext('webgpu');
    if (!context) throw new Error('This browser cannot draw on a canvas with WebGPU; use a current Chrome.');
    context.configure({ device, format: this.format, alphaMode: 'opaque' });
    this.#device = device;
    this.#context = context;
  }

  target(): GPUTexture {
    return this.#context.getCurrentTexture();
  }

  async present(encoder: GPUCommandEncoder): Promise<void> {
    this.#device.queue.submit([encoder.finish()]);
    await this.#device.queue.onSubmittedWorkDone();
  }
}

/**
 * A texture whose pixels are copied to the canvas on the CPU. Chromium loses the device at the first frame of a WebGPU
 * canvas when only WebGPU runs on SwiftShader (--use-webgpu-adapter=swiftshader), since no shared image can be made; can
 * go once it can.
 */
class CopiedSurface implements Surface {
  readonly format: GPUTextureFormat;
  readonly #device: GPUDevice;
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  #texture: GPUTexture | undefined;

  constructor(engine: Engine, canvas: HTMLCanvasElement) {
    this.format = surfaceFormat(engine);
    const context = canvas.getContext('2d');
    if (!context) throw new Error('This browser cannot draw on a canvas; use a current Chrome.');
    this.#device = engine.device;
    this.#canvas = canvas;
    this.#context = context;
  }

  target(): GPUTexture {
    const { width, height } = this.#canvas;
    if (this.#texture?.width !== width || this.#texture.height !== height) {
      this.#texture?.destroy();
      const usage = GPUTextureUsage.RENDER_ATTACHMENT | GPUTextureUsage.COPY_SRC;
      this.#texture = this.#device.createTexture({ size: [width, height], format: this.format, usage });
    }
    return this.#texture;
  }

  async present(encoder: GPUCommandEncoder): Promise<void> {
    const texture = this.target();
    const { width, height } = texture;
    // Rows of a copied texture start at multiples of 256 bytes.
    const bytesPerRow = Math.ceil((width * 4) / 256) * 256;
    const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
    const buffer = this.#device.createBuffer({ size: bytesPerRow * height, usage });
    encoder.copyTextureToBuffer({ texture }, { buffer, bytesPerRow }, [width, height]);
    this.#device.queue.submit([encoder.finish()]);
    try {
      await buffer.mapAsync(GPUMapMode.READ);
      const pixels = new Uint8ClampedArray(buffer.getMappedRange());
      const image = new ImageData(width, height);
      for (let row = 0; row < height; row++) {
        const start = row * bytesPerRow;
        image.data.set(pixels.subarray(start, start + width * 4), row * width * 4);
      }
      this.#context.putImageData(image, 0, 0);
    } finally {
      buffer.destroy();
    }
  }
}
