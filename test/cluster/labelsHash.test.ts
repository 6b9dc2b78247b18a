import { expect, it } from 'vitest';
import { labelsHash } from '../../src/cluster/labelsHash.ts';

// Of Python's hashlib.sha256(struct.pack('<…i', …)).
it.each([
  [[], 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  [[0, 1, 2], 'ad5dc1478de06a4c2728ea528bd9361a4b945e92a414bf4d180cedaaeaa5f4cc'],
  [[-1, 2147483647, 70000], 'a4c7a34182fccdf4737276728503b4c8bacd56b96edf0b65a2a553c2df936817'],
])('%j', async (labels, hash) => {
  expect(await labelsHash(Int32Array.from(labels))).toBe(hash);
});
