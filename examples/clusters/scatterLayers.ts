import type { Colour } from '../shared/palette.ts';
import shader from './scatter.wgsl?raw';

/** Floats of the shader's `View`. */
const viewFloats = 36;
const nothing = 0xffffffff;
const smallestBuffer = 16;

/** How a layer is drawn: as discs, as single pixels, or as discs with a ring. */
export type Look = 'discs' | 'dots' | 'rings';

/** Pipelines that plots share. */
export interface ScatterPipelines {
  readonly layout: GPUBindGroupLayout;
  readonly looks: Readonly<Record<Look, GPURenderPipeline>>;
}

/** What the shader is told beside the buffers. */
export interface LayerView {
  readonly matrix: Float32Array;
  readonly middle: readonly number[];
  readonly scale: readonly number[];
  readonly axes: readonly number[];
  readonly columnCount: number;
  /** Diameter of a point, in pixels. */
  readonly pointSize: number;
  readonly opacity: number;
  readonly viewport: readonly [number, number];
  readonly chosen: number | undefined;
  readonly ownColours: boolean;
  readonly haze: readonly [from: number, slope: number];
}

/** @param format of the surface that is drawn on */
export async function makePipelines(device: GPUDevice, format: GPUTextureFormat): Promise<ScatterPipelines> {
  const module = device.createShaderModule({ code: shader, label: 'scatter' });
  const { VERTEX, FRAGMENT } = GPUShaderStage;
  const layout = device.createBindGroupLayout({
    entries: [
      { binding: 0, visibility: VERTEX | FRAGMENT, buffer: { type: 'uniform' } },
      ...[1, 2, 3].map((binding) => ({ binding, visibility: VERTEX, buffer: { type: 'read-only-storage' as const } })),
    ],
  });
  const over: GPUBlendComponent = { srcFactor: 'one', dstFactor: 'one-minus-src-alpha' };
  const make = (label: Look, constants: Record<string, number>, topology: GPUPrimitiveTopology) =>
    device.createRenderPipelineAsync({
      label: `scatter ${label}`,
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      vertex: { module, entryPoint: 'pointVertex', constants },
      fragment: {
        module,
        entryPoint: 'pointFragment',
        constants,
        targets: [{ format, blend: { color: over, alpha: over } }],
      },
      primitive: { topology },
      depthStencil: { format: 'depth24plus', depthWriteEnabled: true, depthCompare: 'less-equal' },
    });
  const [discs, dots, rings] = await Promise.all([
    make('discs', { CORNERS: 3 }, 'triangle-list'),
    make('dots', { CORNERS: 1 }, 'point-list'),
    make('rings', { CORNERS: 3, OUTLINED: 1 }, 'triangle-list'),
  ]);
  return { layout, looks: { discs, dots, rings } };
}

/** Points that are drawn alike. */
export class Layer {
  /** How many points are drawn. */
  count = 0;
  readonly #device: GPUDevice;
  readonly #pipelines: ScatterPipelines;
  readonly #view: GPUBuffer;
  readonly #own = new Map<'positions' | 'labels' | 'palette', GPUBuffer>();
  #positions: GPUBuffer | undefined;
  #bindGroup: GPUBindGroup | undefined;
  #colourCount = 1;

  constructor(device: GPUDevice, pipelines: ScatterPipelines) {
    this.#device = device;
    this.#pipelines = pipelines;
    this.#view = device.createBuffer({ size: viewFloats * 4, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST });
  }

  /** [count] u32. */
  get labels(): GPUBuffer {
    return this.#sized('labels', this.count * 4);
  }

  /** Draws points that lie in a buffer of someone else. */
  setPositions(positions: GPUBuffer, count: number): void {
    this.#positions = positions;
    this.count = count;
    this.#bindGroup = undefined;
  }

  /** Draws points of its own. */
  fill(positions: Float32Array<ArrayBuffer>, count: number): void {
    const buffer = this.#sized('positions', positions.byteLength);
    this.#device.queue.writeBuffer(buffer, 0, positions);
    if (this.#positions !== buffer) this.#bindGroup = undefined;
    this.#positions = buffer;
    this.count = count;
  }

  setColours(colours: readonly Colour[]): void {
    this.#colourCount = Math.max(colours.length, 1);
    const data = Float32Array.from(colours.flatMap((colour) => [...colour, 1]));
    this.#device.queue.writeBuffer(this.#sized('palette', data.byteLength), 0, data);
  }

  writeView(view: LayerView): void {
    const data = new ArrayBuffer(viewFloats * 4);
    const floats = new Float32Array(data);
    const words = new Uint32Array(data);
    floats.set(view.matrix, 0);
    floats.set([...view.middle, view.pointSize, ...view.scale, view.opacity], 16);
    words.set([...view.axes, view.columnCount], 24);
    floats.set(view.viewport, 28);
    words.set([view.chosen ?? nothing, this.#colourCount, view.ownColours ? 1 : 0], 30);
    floats.set(view.haze, 34);
    this.#device.queue.writeBuffer(this.#view, 0, data);
  }

  draw(pass: GPURenderPassEncoder, look: Look): void {
    if (this.count === 0 || !this.#positions) return;
    const buffers = [this.#view, this.#positions, this.labels, this.#sized('palette', 0)];
    this.#bindGroup ??= this.#device.createBindGroup({
      layout: this.#pipelines.layout,
      entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
    pass.setBindGroup(0, this.#bindGroup);
    pass.setPipeline(this.#pipelines.looks[look]);
    if (look === 'dots') pass.draw(this.count);
    else pass.draw(3, this.count);
  }

  release(): void {
    this.#view.destroy();
    for (const buffer of this.#own.values()) buffer.destroy();
  }

  /** A buffer of its own that has so many bytes at least. */
  #sized(name: 'positions' | 'labels' | 'palette', bytes: number): GPUBuffer {
    const held = this.#own.get(name);
    if (held && held.size >= bytes) return held;
    // Commands that are submitted keep the buffer they use.
    held?.destroy();
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
    const made = this.#device.createBuffer({ size: Math.max(bytes, smallestBuffer), usage });
    this.#own.set(name, made);
    this.#bindGroup = undefined;
    return made;
  }
}
