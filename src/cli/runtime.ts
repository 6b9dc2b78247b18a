/** The page in which the command line runs its jobs in Chrome; benchmarks run in examples/bench. */
import { clusterKmeans } from './jobs/clusterKmeans.ts';
import { info } from './jobs/info.ts';
import { offerJobs } from './pageRuntime.ts';

offerJobs([info, clusterKmeans]);
