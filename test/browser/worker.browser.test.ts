import { expect, test } from 'vitest';

test('an engine in a dedicated module worker multiplies', async () => {
  const worker = new Worker(new URL('./matmulWorker.ts', import.meta.url), { type: 'module' });
  try {
    const product = await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
    });
    expect(product).toEqual(Float32Array.of(19, 22, 43, 50));
  } finally {
    worker.terminate();
  }
});
