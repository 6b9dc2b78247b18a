import { describe, expect, it } from 'vitest';
import { DeviceLost, InvalidInput, ShaderError } from '../../src/base/errors.ts';
import { requestAdapter } from '../../src/gpu/adapter.ts';
import { bucketSize } from '../../src/gpu/bufferPool.ts';
import { Engine } from '../../src/gpu/engine.ts';
import { minMax } from '../../src/quant/range.ts';
import { useEngine } from '../support/engine.ts';

const open = useEngine({});

describe('an engine', () => {
  it('tells what it runs on, with the limits of the adapter', async () => {
    const engine = await open();
    const adapter = await requestAdapter();
    expect(engine.info.limits).toMatchObject({
      maxBufferSize: adapter.limits.maxBufferSize,
      maxStorageBufferBindingSize: adapter.limits.maxStorageBufferBindingSize,
      maxComputeWorkgroupStorageSize: adapter.limits.maxComputeWorkgroupStorageSize,
    });
    expect(engine.info.adapter.vendor).not.toBe('');
    expect(JSON.parse(JSON.stringify(engine.info))).toEqual(engine.info);
  });

  it('says why work with the memory of another engine could not be submitted', async () => {
    const [engine, other] = await Promise.all([Engine.open(), Engine.open()]);
    const x = other.tensor(new Float32Array(4), [4]);
    const { minimum } = minMax(engine, x);
    await expect(minimum.read()).rejects.toThrow(ShaderError);
    await expect(minimum.read()).rejects.toThrow(/submitted to the GPU: .*[Bb]uffer/s);
    engine.close();
    other.close();
  });

  it('borrows a device and leaves it alone', async () => {
    const adapter = await requestAdapter();
    const device = await adapter.requestDevice();
    const engine = await Engine.open({ device });
    expect(engine.device).toBe(device);
    engine.close();
    const scratch = device.createBuffer({ size: 16, usage: 0x8 });
    await device.queue.onSubmittedWorkDone();
    scratch.destroy();
    device.destroy();
  });

  it('counts live, pooled and peak bytes, and reuses released buffers', async () => {
    const engine = await Engine.open();
    const first = engine.tensor(new Float32Array(1000), [1000]);
    const { live } = engine.memory;
    expect(live).toBe(bucketSize(4000));
    first.dispose();
    expect(engine.memory).toEqual({ live: 0, pooled: live, peak: live });
    const second = engine.tensor(new Float32Array(1001), [1001]);
    expect(engine.memory).toEqual({ live, pooled: 0, peak: live });
    second.dispose();
    engine.trim();
    expect(engine.memory.pooled).toBe(0);
    engine.close();
  });

  it('keeps no more released bytes than its bound', async () => {
    const engine = await Engine.open({ poolBytes: 8192 });
    const tensors = Array.from({ length: 6 }, () => engine.tensor(new Float32Array(1024), [1024]));
    for (const tensor of tensors) tensor.dispose();
    expect(engine.memory.pooled).toBe(8192);
    expect(engine.memory.live).toBe(0);
    await engine.check();
    engine.close();
  });

  it('rejects what is pending when it is closed, and everything after', async () => {
    const engine = await Engine.open();
    const tensor = engine.tensor(new Float32Array(1e6), [1e6]);
    const pending = tensor.read();
    engine.close();
    await expect(pending).rejects.toThrow(DeviceLost);
    await expect(tensor.read()).rejects.toThrow('closed');
    expect(() => engine.tensor(new Float32Array(1), [1])).toThrow(DeviceLost);
    await expect(engine.check()).rejects.toThrow(DeviceLost);
    engine.close();
  });

  it('rejects what is pending when the device is lost', async () => {
    const engine = await Engine.open();
    const tensor = engine.tensor(new Float32Array(1e6), [1e6]);
    const reads = [tensor.read(), tensor.read(), tensor.read(), tensor.read(), tensor.read()];
    engine.device.destroy();
    for (const result of await Promise.allSettled(reads)) {
      expect(result.status === 'rejected' && result.reason).toBeInstanceOf(DeviceLost);
    }
    await engine.device.lost;
    expect(() => engine.empty([1], 'int8')).toThrow('lost');
  });

  it('reports an error word once it is set, and not after it is released', async () => {
    const engine = await Engine.open();
    const fault = engine.fault((index) => new InvalidInput(`bad element ${index}`));
    await engine.check();
    // What a kernel does: the maximum of 0xffffffff − index is the first index.
    engine.upload(fault.word, new Uint8Array(new Uint32Array([0xffffffff - 41]).buffer));
    await expect(engine.check()).rejects.toThrow('bad element 41');
    fault.release();
    await engine.check();
    expect(engine.memory.live).toBe(0);
    engine.close();
  });
});

describe('bucketSize', () => {
  it('covers the request with at most a quarter more, beyond the smallest bucket', () => {
    for (let size = 1; size < 3e6; size = Math.ceil(size * 1.07)) {
      const bucket = bucketSize(size);
      expect(bucket % 256).toBe(0);
      expect(bucket).toBeGreaterThanOrEqual(size);
      expect(bucket).toBeLessThanOrEqual(Math.max(256, size * 1.25 + 256));
    }
  });
});
