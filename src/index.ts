/** Cuanta: quantize, multiply and cluster on the GPU through WebGPU. The only public entry of the library. */
export type { DType, TensorData } from './base/dtype.ts';
export * from './base/errors.ts';
export type { Shape } from './base/shape.ts';
export type { MemoryReport } from './gpu/bufferPool.ts';
export { Engine, type EngineInfo, type EngineOptions } from './gpu/engine.ts';
export type { KernelTime } from './gpu/profiler.ts';
export { Tensor } from './gpu/tensor.ts';
