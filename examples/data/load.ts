import { assets } from './assets.ts';
import { type Cities, type CityRecord, readCities } from './cities.ts';
import { type Embeddings, readEmbeddings } from './embeddings.ts';
import { bytesAt, request } from './fetchBytes.ts';

/**
 * The cities of the page.
 *
 * @param count how many at most, evenly taken from all
 */
export async function loadCities(count: number): Promise<Cities> {
  const records = (await (await request(assets.cities)).json()) as CityRecord[];
  const stride = Math.max(records.length / count, 1);
  const taken = Array.from({ length: Math.min(count, records.length) }, (_, row) => records[Math.floor(row * stride)]);
  return readCities(taken.filter((record) => record !== undefined));
}

/** The sentence vectors of the page. */
export async function loadEmbeddings(): Promise<Embeddings> {
  const { vectors, records, metadata } = assets.embeddings;
  return readEmbeddings({
    vectors: await bytesAt(vectors),
    records: await bytesAt(records),
    metadata: await bytesAt(metadata),
  });
}
