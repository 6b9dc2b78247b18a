/** The benchmark page. A person uses its form; the command line runs the same jobs in it through puppeteer. */
import {
  type BenchKmeansParameters,
  benchKmeans,
  type KmeansProblem,
  openMlKmeans,
  runBenchKmeans,
} from '../../src/cli/jobs/benchKmeans.ts';
import { type BenchMatmulParameters, benchMatmul, runBenchMatmul } from '../../src/cli/jobs/benchMatmul.ts';
import { type BenchModelParameters, benchModel, runBenchModel } from '../../src/cli/jobs/benchModel.ts';
import { benchSuite } from '../../src/cli/jobs/benchSuite.ts';
import { type EvaluateModelParameters, evaluateModel, runEvaluateModel } from '../../src/cli/jobs/evaluateModel.ts';
import type { Job, JobContext } from '../../src/cli/jobs/job.ts';
import { offerJobs } from '../../src/cli/pageRuntime.ts';
import { Aborted, Engine } from '../../src/index.ts';
import { drawnSet } from '../ocr/drawnSet.ts';
import { element } from '../shared/elements.ts';
import { type Choice, showRunning, startForm } from './form.ts';
import { showKmeans, showMatmul, showModel } from './results.ts';

const adapterLine = element('adapter', HTMLParagraphElement);
const status = element('status', HTMLParagraphElement);
const progress = element('progress', HTMLProgressElement);
const errorBox = element('error', HTMLParagraphElement);

function showProgress(message: string): void {
  status.textContent = `${message} …`;
}

function begin(): void {
  showRunning(true);
  progress.hidden = false;
  errorBox.hidden = true;
  showProgress('starting');
}

function end(message: string): void {
  showRunning(false);
  progress.hidden = true;
  status.textContent = message;
}

function showError(error: unknown): void {
  errorBox.textContent = error instanceof Error ? error.message : String(error);
  errorBox.hidden = false;
}

/** The job, with its progress, its results and its errors shown in the page, whoever starts it. */
function shown<Parameters, Report>(
  job: Job<Parameters, Report>,
  show: (report: Report) => void,
): Job<Parameters, Report> {
  return {
    ...job,
    async run(engine, parameters, context) {
      begin();
      try {
        const onProgress = (message: string) => {
          showProgress(message);
          context.onProgress?.(message);
        };
        const result = await job.run(engine, parameters, { ...context, onProgress });
        show(result.report);
        end('Done.');
        return result;
      } catch (error) {
        end(error instanceof Aborted ? 'Stopped.' : '');
        throw error;
      }
    },
  };
}

const matmulJob = shown(
  {
    ...benchMatmul,
    run: (engine: Engine, parameters: BenchMatmulParameters, context: JobContext) =>
      runBenchMatmul(engine, parameters, context, async (operands) => {
        // Large, and seldom asked for.
        const { openOnnxRuntime } = await import('./peers.ts');
        return openOnnxRuntime(operands);
      }),
  },
  showMatmul,
);
const openTensorFlow = async (problem: KmeansProblem) => (await import('./tensorflow.ts')).openTensorFlow(problem);
const kmeansJob = shown(
  {
    ...benchKmeans,
    run: (engine: Engine, parameters: BenchKmeansParameters, context: JobContext) =>
      runBenchKmeans(engine, parameters, context, [openMlKmeans, openTensorFlow]),
  },
  showKmeans,
);
const modelJob = shown(
  {
    ...benchModel,
    run: (engine: Engine, parameters: BenchModelParameters, context: JobContext) =>
      runBenchModel(engine, parameters, context, async () => (await import('./peers.ts')).openModelPeers()),
  },
  showModel,
);

/** Only for the command line: it draws text, which takes a page. */
const evaluateJob = {
  ...evaluateModel,
  run: (engine: Engine, parameters: EvaluateModelParameters, context: JobContext) =>
    runEvaluateModel(engine, parameters, context, {
      drawnSet,
      openWasm: async () => (await (await import('./peers.ts')).openModelPeers()).wasm,
    }),
};

let abort = new AbortController();

async function runChoice(asked: Promise<Choice>): Promise<void> {
  abort = new AbortController();
  const context = { inputs: {}, signal: abort.signal };
  showRunning(true);
  try {
    const choice = await asked;
    using engine = await Engine.open();
    if (choice.operation === 'matmul') await matmulJob.run(engine, choice.parameters, context);
    else if (choice.operation === 'model') {
      await modelJob.run(engine, choice.parameters, { ...context, inputs: choice.inputs });
    } else await kmeansJob.run(engine, choice.parameters, context);
  } catch (error) {
    showRunning(false);
    if (!(error instanceof Aborted)) showError(error);
  }
}

async function showAdapter(): Promise<void> {
  try {
    using engine = await Engine.open();
    const { adapter, software } = engine.info;
    const name = [adapter.description || adapter.device, adapter.vendor, adapter.architecture];
    const kind = software ? ' No GPU is used: the shaders run on the CPU, and times are not those of a GPU.' : '';
    adapterLine.textContent = `Runs on ${name.filter((part) => part !== '').join(', ')}.${kind}`;
  } catch (error) {
    adapterLine.hidden = true;
    showError(error);
  }
}

startForm(runChoice, () => abort.abort());
offerJobs([matmulJob, kmeansJob, modelJob, benchSuite, evaluateJob]);
await showAdapter();
