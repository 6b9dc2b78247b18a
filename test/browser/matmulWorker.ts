/** Multiplies two 2 × 2 matrices in a worker and posts the product. */
import { Engine, matmul } from '../../src/index.ts';

using engine = await Engine.open();
using x = engine.tensor(Float32Array.of(1, 2, 3, 4), [2, 2]);
using w = engine.tensor(Float32Array.of(5, 6, 7, 8), [2, 2]);
using product = matmul(engine, x, w);
postMessage(await product.read());
