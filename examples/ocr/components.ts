/** Pixels side by side in one row, from `first` to `last`, both included. */
export interface Run {
  readonly y: number;
  readonly first: number;
  readonly last: number;
}

/** Pixels that hang together, by rows from the top down. */
export type Component = readonly Run[];

/** The runs above the threshold in one row. */
function runsOf(values: Float32Array, y: number, width: number, threshold: number): Run[] {
  const runs: Run[] = [];
  let first = -1;
  for (let x = 0; x <= width; x++) {
    const isInside = x < width && (values[y * width + x] ?? 0) > threshold;
    if (isInside && first < 0) first = x;
    if (!isInside && first >= 0) {
      runs.push({ y, first, last: x - 1 });
      first = -1;
    }
  }
  return runs;
}

/** The components of the values above the threshold, where pixels that share a side or a corner hang together. */
export function connectedComponents(
  values: Float32Array,
  width: number,
  height: number,
  threshold: number,
): Component[] {
  const parents: number[] = [];
  const root = (index: number): number => {
    let found = index;
    while (parents[found] !== undefined && parents[found] !== found) {
      // Each step halves the way for the next time.
      const next = parents[found] ?? found;
      parents[found] = parents[next] ?? next;
      found = next;
    }
    return found;
  };
  const runs: Run[] = [];
  let above: readonly [start: number, end: number] = [0, 0];
  for (let y = 0; y < height; y++) {
    const start = runs.length;
    let other = above[0];
    for (const run of runsOf(values, y, width, threshold)) {
      const index = runs.push(run) - 1;
      parents.push(index);
      while (other < above[1] && (runs[other]?.last ?? 0) < run.first - 1) other++;
      for (let touching = other; touching < above[1] && (runs[touching]?.first ?? 0) <= run.last + 1; touching++) {
        parents[root(index)] = root(touching);
      }
    }
    above = [start, runs.length];
  }
  const components = new Map<number, Run[]>();
  runs.forEach((run, index) => {
    const key = root(index);
    const component = components.get(key);
    if (component) component.push(run);
    else components.set(key, [run]);
  });
  return [...components.values()];
}
