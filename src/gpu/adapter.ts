import { UnsupportedAdapter } from '../base/errors.ts';

/** Which adapter to ask for. */
export interface AdapterRequest {
  /** `high-performance` unless given. */
  readonly powerPreference?: GPUPowerPreference;
}

interface DawnModule {
  create(options: readonly string[]): GPU;
}

// Dawn crashes when the object that `create()` returned is collected while its devices live: they stay here for good.
const dawnInstances: GPU[] = [];

async function createDawn(): Promise<GPU> {
  // A computed specifier keeps bundlers from pulling a Node addon into a page.
  const specifier = 'webgpu';
  let dawn: DawnModule;
  try {
    dawn = (await import(/* @vite-ignore */ specifier)) as DawnModule;
  } catch (cause) {
    throw new UnsupportedAdapter(
      `This runtime has no WebGPU (navigator.gpu is missing) and the package "webgpu" could not be loaded (${cause instanceof Error ? cause.message : cause}). In Node, run "npm install webgpu"; in a browser, use a current Chrome over https or localhost.`,
    );
  }
  // Timestamps are otherwise rounded to 65.5 µs.
  const gpu = dawn.create(['disable-dawn-features=timestamp_quantization']);
  dawnInstances.push(gpu);
  return gpu;
}

/**
 * Finds a GPU: the browser's, or in Node that of Dawn (npm package `webgpu`).
 * @throws UnsupportedAdapter when there is none.
 */
export async function requestAdapter(request: AdapterRequest = {}): Promise<GPUAdapter> {
  const native = (globalThis.navigator as Navigator | undefined)?.gpu as GPU | undefined;
  const adapter = await (native ?? (await createDawn())).requestAdapter({
    powerPreference: request.powerPreference ?? 'high-performance',
  });
  if (!adapter) {
    throw new UnsupportedAdapter(
      "No WebGPU adapter was found. Install a Vulkan, Metal or Direct3D 12 driver; without a GPU, Chromium's SwiftShader works: in Chrome start it with --enable-unsafe-webgpu --use-webgpu-adapter=swiftshader, in Node set VK_DRIVER_FILES to the vk_swiftshader_icd.json beside an installed Chromium, and, where the system has no Vulkan loader (libvulkan), LD_LIBRARY_PATH to the folder of Chromium, which has one.",
    );
  }
  return adapter;
}

/** A description of the adapter, as plain data. */
export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
}

export function describeAdapter(info: GPUAdapterInfo): AdapterDescription {
  const { vendor, architecture, device, description } = info;
  return { vendor, architecture, device, description };
}

/** The numeric limits of an adapter or device, as plain data. */
export function limitsOf(limits: GPUSupportedLimits): Record<string, number> {
  const found: Record<string, number> = {};
  for (const name in limits) {
    const value: unknown = Reflect.get(limits, name);
    if (typeof value === 'number') found[name] = value;
  }
  return found;
}
