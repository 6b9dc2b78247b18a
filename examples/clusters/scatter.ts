import type { Engine, Tensor } from '../../src/index.ts';
import { Frames, fitCanvas } from '../shared/frames.ts';
import { clearLabels, copyLabels, writeLabels } from '../shared/labels.ts';
import type { Colour } from '../shared/palette.ts';
import { type Surface, surfaceOf } from '../shared/surface.ts';
import type { HeldCloud, PlottedAxis } from './cloud.ts';
import type { PlotCamera } from './plotCamera.ts';
import { Layer, type ScatterPipelines } from './scatterLayers.ts';

/** The colour behind the points, as in page.css. */
const space: GPUColor = [7 / 255, 11 / 255, 21 / 255, 1];
const centroidSize = 11;
/** How many points the size of a point was chosen for. */
const usualPointCount = 20_000;

/**
 * Draws points coloured by cluster from the buffers on the GPU: labels are copied from one buffer to another and never read
 * back.
 */
export class Scatter {
  /** Called after each frame, with the matrix it was drawn with. */
  onFrame: ((matrix: Float32Array) => void) | undefined;
  readonly #engine: Engine;
  readonly #canvas: HTMLCanvasElement;
  readonly #camera: PlotCamera;
  readonly #surface: Surface;
  readonly #frames = new Frames(() => this.#render());
  readonly #points: Layer;
  readonly #centroids: Layer;
  #cloud: HeldCloud | undefined;
  #axes: readonly PlottedAxis[] = [];
  #depth: GPUTexture | undefined;
  #chosen: number | undefined;

  constructor(engine: Engine, canvas: HTMLCanvasElement, camera: PlotCamera, pipelines: ScatterPipelines) {
    this.#engine = engine;
    this.#canvas = canvas;
    this.#camera = camera;
    this.#surface = surfaceOf(engine, canvas);
    this.#points = new Layer(engine.device, pipelines);
    this.#centroids = new Layer(engine.device, pipelines);
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  /** Shows points without clusters. */
  setCloud(cloud: HeldCloud, axes: readonly PlottedAxis[]): void {
    this.#cloud = cloud;
    this.#axes = axes;
    this.#chosen = undefined;
    this.#points.setPositions(cloud.positions.allocation.buffer, cloud.cloud.points.rowCount);
    this.clear();
  }

  setAxes(axes: readonly PlottedAxis[]): void {
    this.#axes = axes;
    this.draw();
  }

  /** Shows the points without clusters. */
  clear(): void {
    clearLabels(this.#engine, this.#points.labels, this.#points.count);
    this.#centroids.count = 0;
    this.draw();
  }

  /** Takes labels over from the CPU; −1 for none. */
  setLabels(labels: Int32Array): void {
    writeLabels(this.#engine, this.#points.labels, labels);
    this.draw();
  }

  /** Takes labels over from a tensor, on the GPU. */
  async copyLabels(labels: Tensor<'int32'>): Promise<void> {
    const cloud = this.#cloud;
    await copyLabels(this.#engine, labels, () => (this.#cloud === cloud ? this.#points.labels : undefined));
    this.draw();
  }

  /** Shows centroids. @param centroids row-major, in the points' own coordinates */
  setCentroids(centroids: ArrayLike<number>): void {
    const cloud = this.#cloud;
    if (!cloud) return;
    const { columnCount } = cloud.cloud.points;
    const positions = Float32Array.from(centroids, (value, index) => cloud.toPosition(index % columnCount, value));
    const count = centroids.length / columnCount;
    this.#centroids.fill(positions, count);
    const own = Uint32Array.from({ length: count }, (_, row) => row);
    this.#engine.device.queue.writeBuffer(this.#centroids.labels, 0, own);
    this.draw();
  }

  /** @param colours one a cluster; more clusters have them again */
  setColours(colours: readonly Colour[]): void {
    for (const layer of [this.#points, this.#centroids]) layer.setColours(colours);
    this.draw();
  }

  /** The label of a point as it is shown; −1 for none. */
  async labelOf(row: number): Promise<number> {
    const { device } = this.#engine;
    const buffer = device.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    try {
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(this.#points.labels, row * 4, buffer, 0, 4);
      device.queue.submit([encoder.finish()]);
      await buffer.mapAsync(GPUMapMode.READ);
      return new Int32Array(buffer.getMappedRange())[0] ?? -1;
    } finally {
      buffer.destroy();
    }
  }

  /** Lets a point stand out. */
  choose(row: number | undefined): void {
    this.#chosen = row;
    this.draw();
  }

  /** Draws at the next frame. */
  draw(): void {
    this.#frames.request();
  }

  /** Draws, and resolves once that can be seen. */
  async drawn(): Promise<void> {
    await this.#frames.drawn();
  }

  /** Gives the buffers back; the plot must not be used any more. */
  release(): void {
    this.#cloud = undefined;
    this.#points.release();
    this.#centroids.release();
    this.#depth?.destroy();
  }

  async #render(): Promise<void> {
    if (!this.#cloud) return;
    const { device, info } = this.#engine;
    const pixelRatio = fitCanvas(this.#engine, this.#canvas);
    if (pixelRatio === 0) return;
    const { width, height } = this.#canvas;
    const matrix = this.#camera.project(width / height);
    const size = this.#pointSize();
    this.#writeView(this.#points, matrix, size * pixelRatio);
    this.#writeView(this.#centroids, matrix, centroidSize * pixelRatio);
    const encoder = device.createCommandEncoder();
    const view = this.#surface.target().createView();
    const pass = encoder.beginRenderPass({
      colorAttachments: [{ view, loadOp: 'clear', clearValue: space, storeOp: 'store' }],
      depthStencilAttachment: {
        view: this.#depthOf(width, height).createView(),
        depthClearValue: 1,
        depthLoadOp: 'clear',
        depthStoreOp: 'discard',
      },
    });
    // Shaders on the CPU pay for every vertex: pixels do for many points.
    this.#points.draw(pass, info.software && size < 2.2 ? 'dots' : 'discs');
    this.#centroids.draw(pass, 'rings');
    pass.end();
    this.onFrame?.(matrix);
    await this.#surface.present(encoder);
  }

  /** Diameter in CSS pixels: fewer points are drawn larger. */
  #pointSize(): number {
    return Math.min(Math.max(2.6 * (usualPointCount / Math.max(this.#points.count, 1)) ** 0.3, 1.2), 7);
  }

  #depthOf(width: number, height: number): GPUTexture {
    if (this.#depth?.width !== width || this.#depth.height !== height) {
      this.#depth?.destroy();
      const usage = GPUTextureUsage.RENDER_ATTACHMENT;
      this.#depth = this.#engine.device.createTexture({ size: [width, height], format: 'depth24plus', usage });
    }
    return this.#depth;
  }

  #writeView(layer: Layer, matrix: Float32Array, pointSize: number): void {
    const cloud = this.#cloud;
    if (!cloud) return;
    const { points, picture } = cloud.cloud;
    const place = (axis: PlottedAxis | undefined) => (axis ? cloud.toPosition(axis.column, axis.middle) : 0);
    const [x, y, z] = this.#axes;
    const [nearest, farthest] = this.#camera.depths;
    layer.writeView({
      matrix,
      middle: [place(x), place(y), place(z)],
      scale: [x?.scale ?? 1, y?.scale ?? 1, z?.scale ?? 1],
      axes: [x, y, z].map((axis) => axis?.column ?? points.columnCount),
      columnCount: points.columnCount,
      pointSize,
      opacity: this.#camera.flat ? 0.85 : 0.95,
      viewport: [this.#canvas.width, this.#canvas.height],
      chosen: this.#chosen,
      ownColours: picture !== undefined,
      haze: [nearest, 1 / (farthest - nearest)],
    });
  }
}
