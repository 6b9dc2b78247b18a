/** The page in which the command line runs its jobs in Chrome; benchmarks run in examples/bench. */
import { benchAgglomerative } from './jobs/benchAgglomerative.ts';
import { benchDbscan } from './jobs/benchDbscan.ts';
import { benchGaussianMixture } from './jobs/benchGaussianMixture.ts';
import { benchProductQuantization } from './jobs/benchProductQuantization.ts';
import { clusterAgglomerative } from './jobs/clusterAgglomerative.ts';
import { clusterBisecting } from './jobs/clusterBisecting.ts';
import { clusterDbscan } from './jobs/clusterDbscan.ts';
import { clusterGaussianMixture } from './jobs/clusterGaussianMixture.ts';
import { clusterKmeans } from './jobs/clusterKmeans.ts';
import { clusterKmeansChunks } from './jobs/clusterKmeansChunks.ts';
import { clusterMiniBatch } from './jobs/clusterMiniBatch.ts';
import { clusterProductQuantization } from './jobs/clusterProductQuantization.ts';
import { info } from './jobs/info.ts';
import { inspectModel } from './jobs/inspectModel.ts';
import { quantizeModel } from './jobs/quantizeModel.ts';
import { runModel } from './jobs/runModel.ts';
import { offerJobs } from './pageRuntime.ts';

offerJobs([
  info,
  inspectModel,
  runModel,
  quantizeModel,
  clusterKmeans,
  clusterKmeansChunks,
  clusterMiniBatch,
  clusterBisecting,
  clusterGaussianMixture,
  benchGaussianMixture,
  clusterDbscan,
  benchDbscan,
  clusterAgglomerative,
  benchAgglomerative,
  clusterProductQuantization,
  benchProductQuantization,
]);
