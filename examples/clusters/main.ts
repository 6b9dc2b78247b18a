/**
 * Point clouds, clustered as one watches. Query, to begin with: `source` (a shape, `cities` or `picture`), `count`, `groups`,
 * `columns` and `seed` of the points; `algorithm` once or more, for panes side by side; fields of the algorithms by name;
 * `run` to run at once.
 */
import { element, showError } from '../shared/elements.ts';
import { openEngine } from '../shared/openEngine.ts';
import { surfaceFormat } from '../shared/surface.ts';
import { algorithms } from './algorithms.ts';
import { Board } from './board.ts';
import { DataPanel } from './dataPanel.ts';
import { ElbowPanel } from './elbowPanel.ts';
import { makePipelines } from './scatterLayers.ts';

/** Points to begin with: with shaders on the CPU, and on a GPU. */
const firstCounts = { software: 20_000, hardware: 200_000 } as const;

async function start(): Promise<void> {
  const query = new URLSearchParams(location.search);
  const engine = await openEngine();
  const board = new Board(engine, await makePipelines(engine.device, surfaceFormat(engine)));
  const elbowPanel = new ElbowPanel(engine, () => board.held);
  let runsAtOnce = query.has('run');
  const dataPanel = new DataPanel(
    engine,
    (cloud, axes) => {
      board.setCloud(cloud, axes);
      elbowPanel.clear();
      if (runsAtOnce) board.toggle();
      runsAtOnce = false;
    },
    (axes) => board.setAxes(axes),
  );
  const wanted = query.getAll('algorithm').filter((name) => name in algorithms);
  const panes = (wanted.length > 0 ? wanted : [undefined]).map((name) => board.addPane(name));
  dataPanel.enter('count', String(engine.info.software ? firstCounts.software : firstCounts.hardware));
  for (const [name, value] of query) {
    dataPanel.enter(name, value);
    for (const pane of panes) pane.enter(name, value);
  }
  dataPanel.load();
}

start().catch((error: unknown) => {
  element('content', HTMLElement).hidden = true;
  showError(error);
});
