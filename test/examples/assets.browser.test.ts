import { expect, test } from 'vitest';
import { assets } from '../../examples/data/assets.ts';

test.each([
  { name: 'vectors', address: assets.embeddings.vectors, bytes: 1_195_008 },
  { name: 'records', address: assets.embeddings.records, bytes: 7_125_006 },
  { name: 'metadata', address: assets.embeddings.metadata, bytes: 218 },
  { name: 'cities', address: assets.cities, bytes: 17_142_887 },
  { name: 'detector', address: assets.ocr.detector, bytes: 4_745_517 },
  { name: 'classifier', address: assets.ocr.classifier, bytes: 578_966 },
  { name: 'recogniser', address: assets.ocr.recogniser, bytes: 10_822_323 },
  { name: 'keys', address: assets.ocr.keys, bytes: 26_249 },
])('$name is served whole', async ({ address, bytes }) => {
  const response = await fetch(address);
  expect(response.ok).toBe(true);
  expect((await response.arrayBuffer()).byteLength).toBe(bytes);
});
