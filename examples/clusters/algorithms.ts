import type { Dendrogram, Engine, EpsilonSuggestion, HostPoints, PointSource, Tensor } from '../../src/index.ts';
import type { Choices } from './choices.ts';
import { fitAgglomerative, fitDbscan } from './densityFits.ts';
import { fitBisecting, fitKMeans, fitMiniBatch } from './meansFits.ts';
import { fitMixture } from './mixtureFit.ts';

/** Something that can be chosen for an algorithm. */
export type Field =
  | {
      readonly kind: 'number';
      readonly name: string;
      readonly label: string;
      readonly least: number;
      readonly most: number;
      readonly step: number | 'any';
      /** None where it may be left empty. */
      readonly first?: number;
      /** What an empty field stands for. */
      readonly empty?: string;
    }
  | {
      readonly kind: 'choice';
      readonly name: string;
      readonly label: string;
      readonly choices: readonly (readonly [value: string, title: string])[];
    };

/** The state of a fit that is shown while it runs. */
export interface Stage {
  readonly text: string;
  /** [rows], on the GPU; or what puts them there for the picture alone. */
  readonly labels: Tensor<'int32'> | (() => Promise<Tensor<'int32'>>);
  /** Row-major [clusters, columns]. */
  readonly centroids: Float64Array;
}

/** What a fit gets. */
export interface FitJob {
  readonly engine: Engine;
  readonly source: PointSource;
  readonly points: HostPoints;
  readonly choices: Choices;
  readonly signal: AbortSignal;
  /** Says how far it is. */
  say(text: string): void;
  /**
   * Whether to show another stage, where there are very many: always if someone goes from one to the next, otherwise once
   * the work since the last one took as long as its picture.
   */
  isDue(): boolean;
  /** Shows a stage. Resolves when the work may go on. */
  show(stage: Stage): Promise<void>;
}

/** What a fit leads to. */
export interface Outcome {
  readonly text: string;
  readonly labels: Int32Array;
  readonly centroids?: Float64Array;
  /** By their names. */
  readonly figures: Readonly<Record<string, string>>;
  readonly hierarchy?: Dendrogram;
  readonly neighbours?: EpsilonSuggestion & { readonly used: number; readonly minimumPoints: number };
}

/** An algorithm of the menu. */
export interface Algorithm {
  readonly title: string;
  readonly fields: readonly Field[];
  readonly fit: (job: FitJob) => Promise<Outcome>;
}

/** The most clusters that can be asked for. */
const mostClusters = 1024;

const clusters: Field = {
  kind: 'number',
  name: 'clusters',
  label: 'Clusters',
  least: 1,
  most: mostClusters,
  step: 1,
  first: 5,
};
const seed: Field = { kind: 'number', name: 'seed', label: 'Seed', least: 0, most: 2 ** 32 - 1, step: 1, first: 1 };
const start: Field = {
  kind: 'choice',
  name: 'init',
  label: 'Start',
  choices: [
    ['k-means++', 'k-means++'],
    ['random', 'random points'],
    ['first', 'first points'],
  ],
};

/** In the order of the menu. */
export const algorithms: Readonly<Record<string, Algorithm>> = {
  'k-means': {
    title: 'k-means',
    fields: [
      clusters,
      start,
      {
        kind: 'choice',
        name: 'precision',
        label: 'Arithmetic',
        choices: [
          ['f32', 'float32'],
          ['int8', 'int8, certified'],
        ],
      },
      seed,
    ],
    fit: fitKMeans,
  },
  'mini-batch': {
    title: 'Mini-batch k-means',
    fields: [
      clusters,
      { kind: 'number', name: 'batchSize', label: 'Batch', least: 1, most: 1 << 20, step: 1, first: 1024 },
      seed,
    ],
    fit: fitMiniBatch,
  },
  bisecting: {
    title: 'Bisecting k-means',
    fields: [
      clusters,
      {
        kind: 'choice',
        name: 'strategy',
        label: 'Split',
        choices: [
          ['biggest-inertia', 'greatest inertia'],
          ['largest-cluster', 'most points'],
        ],
      },
      seed,
    ],
    fit: fitBisecting,
  },
  mixture: {
    title: 'Gaussian mixture',
    fields: [
      { ...clusters, label: 'Components', most: 256 },
      {
        kind: 'choice',
        name: 'covariance',
        label: 'Covariance',
        choices: ['full', 'tied', 'diag', 'spherical'].map((name) => [name, name] as const),
      },
      seed,
    ],
    fit: fitMixture,
  },
  dbscan: {
    title: 'DBSCAN',
    fields: [
      { kind: 'number', name: 'epsilon', label: 'Epsilon', least: 0, most: 1e9, step: 'any', empty: 'auto' },
      { kind: 'number', name: 'minimumPoints', label: 'Min. points', least: 2, most: 65, step: 1, first: 8 },
    ],
    fit: fitDbscan,
  },
  hierarchical: {
    title: 'Hierarchical',
    fields: [
      clusters,
      {
        kind: 'choice',
        name: 'linkage',
        label: 'Linkage',
        choices: ['ward', 'complete', 'average', 'single'].map((name) => [name, name] as const),
      },
    ],
    fit: fitAgglomerative,
  },
};
