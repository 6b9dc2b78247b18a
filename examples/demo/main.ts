/**
 * The demonstration page. Query: `cities` (how many at most), `clusters` and `seed` (to begin with), `job` (offer the main
 * job to `npm start` and show nothing else).
 */
import { offerJobs } from '../../src/cli/pageRuntime.ts';
import type { Engine } from '../../src/index.ts';
import { loadCities, loadEmbeddings } from '../data/load.ts';
import { element, showError } from '../shared/elements.ts';
import { openEngine } from '../shared/openEngine.ts';
import { ClusterPanel } from './clusterPanel.ts';
import { mainJob } from './mainJob.ts';
import { SearchPanel } from './searchPanel.ts';

const query = new URLSearchParams(location.search);

function readNumbers(): void {
  for (const name of ['clusters', 'seed']) {
    const value = query.get(name);
    if (value !== null) element(name, HTMLInputElement).value = value;
  }
}

async function startCities(engine: Engine): Promise<void> {
  const count = Number(query.get('cities') ?? Number.POSITIVE_INFINITY);
  await ClusterPanel.create(engine, await loadCities(count >= 1 ? count : Number.POSITIVE_INFINITY));
}

async function startSearch(engine: Engine): Promise<void> {
  const panel = new SearchPanel(engine, await loadEmbeddings());
  await panel.showFormats(engine);
}

/** Says at its place that a part of the page does not work, and at the top why. */
function reportFailure(statusId: string): (error: unknown) => void {
  return (error) => {
    element(statusId, HTMLParagraphElement).textContent = 'Not available.';
    showError(error);
  };
}

async function start(): Promise<void> {
  readNumbers();
  const engine = await openEngine();
  startCities(engine).catch(reportFailure('cluster-status'));
  startSearch(engine).catch(reportFailure('search-status'));
}

if (query.has('job')) {
  element('content', HTMLElement).hidden = true;
  element('adapter', HTMLParagraphElement).textContent = 'npm start runs its job in this page.';
  offerJobs([mainJob]);
} else {
  start().catch((error: unknown) => {
    element('content', HTMLElement).hidden = true;
    showError(error);
  });
}
