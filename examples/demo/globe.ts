import type { Engine, Tensor } from '../../src/index.ts';
import { Frames, fitCanvas } from '../shared/frames.ts';
import { clearLabels, copyLabels, writeLabels } from '../shared/labels.ts';
import type { Colour } from '../shared/palette.ts';
import { type Surface, surfaceOf } from '../shared/surface.ts';
import { OrbitCamera, verticalFieldOfView } from './camera.ts';
import shader from './globe.wgsl?raw';

/** Floats of the shader's `View`. */
const viewFloats = 40;
/** The colour behind the globe, as in page.css. */
const space: GPUColor = [7 / 255, 11 / 255, 21 / 255, 1];
/** How many points the size of a point was chosen for. */
const usualPointCount = 171_075;

interface Pipelines {
  readonly layout: GPUBindGroupLayout;
  readonly body: GPURenderPipeline;
  readonly point: GPURenderPipeline;
  /** Points of one pixel. */
  readonly dot: GPURenderPipeline;
  readonly centroid: GPURenderPipeline;
}

/** Points that are drawn alike. */
interface Layer {
  readonly positions: GPUBuffer;
  readonly labels: GPUBuffer;
  readonly view: GPUBuffer;
  readonly bindGroup: GPUBindGroup;
  /** Diameter in CSS pixels, and whether it grows as the eye comes nearer. */
  readonly size: number;
  readonly grows: boolean;
  readonly opacity: number;
}

async function makePipelines(device: GPUDevice, format: GPUTextureFormat): Promise<Pipelines> {
  const module = device.createShaderModule({ code: shader, label: 'globe' });
  const { VERTEX, FRAGMENT } = GPUShaderStage;
  const entries: GPUBindGroupLayoutEntry[] = [
    { binding: 0, visibility: VERTEX | FRAGMENT, buffer: { type: 'uniform' } },
    ...[1, 2, 3].map((binding) => ({ binding, visibility: VERTEX, buffer: { type: 'read-only-storage' as const } })),
  ];
  const layout = device.createBindGroupLayout({ entries });
  const over: GPUBlendComponent = { srcFactor: 'one', dstFactor: 'one-minus-src-alpha' };
  const make = (
    name: string,
    constants: Record<string, number>,
    topology: GPUPrimitiveTopology = 'triangle-list',
  ): Promise<GPURenderPipeline> =>
    device.createRenderPipelineAsync({
      label: `globe ${name}`,
      layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      vertex: { module, entryPoint: `${name}Vertex`, constants },
      fragment: {
        module,
        entryPoint: `${name}Fragment`,
        constants,
        targets: [{ format, blend: { color: over, alpha: over } }],
      },
      primitive: { topology },
    });
  const [body, point, dot, centroid] = await Promise.all([
    make('body', {}),
    make('point', { CORNERS: 3 }),
    make('point', { CORNERS: 1 }, 'point-list'),
    make('point', { CORNERS: 3, OUTLINED: 1 }),
  ]);
  return { layout, body, point, dot, centroid };
}

/**
 * Draws points on a globe, coloured by cluster, from the buffers on the GPU: labels are copied from one buffer to another
 * and never read back.
 */
export class Globe {
  readonly camera = new OrbitCamera();
  readonly #engine: Engine;
  readonly #canvas: HTMLCanvasElement;
  readonly #surface: Surface;
  readonly #pipelines: Pipelines;
  readonly #points: Layer;
  readonly #centroids: Layer;
  readonly #palette: GPUBuffer;
  readonly #pointCount: number;
  #centroidCount = 0;
  readonly #frames = new Frames(() => this.#render());

  private constructor(
    engine: Engine,
    canvas: HTMLCanvasElement,
    surface: Surface,
    pipelines: Pipelines,
    points: Tensor<'float32'>,
    maximumClusters: number,
  ) {
    const { device } = engine;
    this.#engine = engine;
    this.#canvas = canvas;
    this.#surface = surface;
    this.#pipelines = pipelines;
    this.#pointCount = points.shape[0] ?? 0;
    this.#palette = this.#storage(maximumClusters * 16);
    const layer = (parts: Pick<Layer, 'positions' | 'labels' | 'size' | 'grows' | 'opacity'>): Layer => {
      const view = device.createBuffer({
        size: viewFloats * 4,
        usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
      });
      const buffers = [view, parts.positions, parts.labels, this.#palette];
      const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
      return { ...parts, view, bindGroup: device.createBindGroup({ layout: pipelines.layout, entries }) };
    };
    this.#points = layer({
      positions: points.allocation.buffer,
      labels: this.#storage(this.#pointCount * 4),
      // Fewer points are drawn larger, so that they still fill the land.
      size: Math.min(1.6 * (usualPointCount / Math.max(this.#pointCount, 1)) ** 0.25, 5),
      grows: true,
      opacity: 0.9,
    });
    this.#centroids = layer({
      positions: this.#storage(maximumClusters * 12),
      labels: this.#storage(maximumClusters * 4),
      size: 9,
      grows: false,
      opacity: 1,
    });
    const own = Uint32Array.from({ length: maximumClusters }, (_, row) => row);
    device.queue.writeBuffer(this.#centroids.labels, 0, own);
    this.clear();
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  /**
   * A globe on a canvas.
   *
   * @param points [count, 3], unit vectors: drawn from as they lie on the GPU, and to be kept
   * @param maximumClusters the most clusters that will be shown
   */
  static async create(
    engine: Engine,
    canvas: HTMLCanvasElement,
    points: Tensor<'float32'>,
    maximumClusters: number,
  ): Promise<Globe> {
    const surface = surfaceOf(engine, canvas);
    const pipelines = await makePipelines(engine.device, surface.format);
    return new Globe(engine, canvas, surface, pipelines, points, maximumClusters);
  }

  /** Shows the points without clusters. */
  clear(): void {
    clearLabels(this.#engine, this.#points.labels, this.#pointCount);
    this.#centroidCount = 0;
    this.draw();
  }

  /** Takes labels over from the CPU. */
  setLabels(labels: Int32Array): void {
    writeLabels(this.#engine, this.#points.labels, labels);
    this.draw();
  }

  /** Takes labels over from a tensor, on the GPU. */
  async copyLabels(labels: Tensor<'int32'>): Promise<void> {
    await copyLabels(this.#engine, labels, () => this.#points.labels);
    this.draw();
  }

  /** Shows the centroids. @param centroids [count, 3], row-major */
  setCentroids(centroids: ArrayLike<number>): void {
    this.#centroidCount = centroids.length / 3;
    this.#engine.device.queue.writeBuffer(this.#centroids.positions, 0, Float32Array.from(centroids));
    this.draw();
  }

  /** @param colours one a cluster */
  setColours(colours: readonly Colour[]): void {
    const data = Float32Array.from(colours.flatMap((colour) => [...colour, 1]));
    this.#engine.device.queue.writeBuffer(this.#palette, 0, data);
    this.draw();
  }

  draw(): void {
    this.#frames.request();
  }

  #storage(size: number): GPUBuffer {
    return this.#engine.device.createBuffer({
      size: Math.max(size, 16),
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
    });
  }

  async #render(): Promise<void> {
    const { device, info } = this.#engine;
    const pixelRatio = fitCanvas(this.#engine, this.#canvas);
    if (pixelRatio === 0) return;
    this.#writeView(this.#points, pixelRatio);
    this.#writeView(this.#centroids, pixelRatio);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginRenderPass({
      colorAttachments: [
        {
          view: this.#surface.target().createView(),
          loadOp: 'clear',
          clearValue: space,
          storeOp: 'store',
        },
      ],
    });
    pass.setBindGroup(0, this.#points.bindGroup);
    pass.setPipeline(this.#pipelines.body);
    pass.draw(3);
    // Shaders on the CPU pay for every vertex as well: pixels do for small points.
    if (info.software && this.#diameter(this.#points) < 2.5) {
      pass.setPipeline(this.#pipelines.dot);
      pass.draw(this.#pointCount);
    } else {
      pass.setPipeline(this.#pipelines.point);
      pass.draw(3 * this.#pointCount);
    }
    if (this.#centroidCount > 0) {
      pass.setBindGroup(0, this.#centroids.bindGroup);
      pass.setPipeline(this.#pipelines.centroid);
      pass.draw(3 * this.#centroidCount);
    }
    pass.end();
    await this.#surface.present(encoder);
  }

  /** Of a layer's points, in CSS pixels. */
  #diameter({ size, grows }: Layer): number {
    return grows ? size * Math.min(Math.sqrt(3.4 / (this.camera.viewpoint.distance - 1)), 3) : size;
  }

  #writeView(layer: Layer, pixelRatio: number): void {
    const { width, height } = this.#canvas;
    const aspect = width / height;
    const { viewProjection, inverseViewProjection, eye } = this.camera.project(aspect);
    const pixelAngle = (2 * Math.tan(verticalFieldOfView(aspect) / 2)) / height;
    const data = new Float32Array(viewFloats);
    data.set(viewProjection, 0);
    data.set(inverseViewProjection, 16);
    data.set(eye, 32);
    data.set([this.#diameter(layer) * pixelRatio, width, height, pixelAngle, layer.opacity], 35);
    this.#engine.device.queue.writeBuffer(layer.view, 0, data);
  }
}
