import { throwIfAborted } from '../../base/abort.ts';
import { InvalidInput } from '../../base/errors.ts';
import { breathe } from '../../base/pieces.ts';
import { matmul } from '../../gemm/matmul.ts';
import type { Engine } from '../../gpu/engine.ts';
import { perChannel } from '../../quant/granularity.ts';
import { quantize } from '../../quant/quantize.ts';
import type { Ratio } from './clusterBench.ts';
import type { Job, JobContext, JobResult } from './job.ts';
import { type KernelTimes, kernelTimes } from './kernelTimes.ts';
import { affordableRows, checkFloat, checkInteger, type MatmulCheck, type MatmulOperands } from './matmulReference.ts';
import { sampleOf, uniformValues } from './sampleData.ts';
import type { Distribution } from './timing.ts';
import { type Contender, type TimedContender, timeInTurns } from './turns.ts';

/** Types of a product: of the weights where these are integers (x is then quantized dynamically to 8 bits), or of both. */
export const matmulTypes = ['int8', 'int4', 'f32'] as const;
export type MatmulType = (typeof matmulTypes)[number];

/** Which products to time. */
export interface BenchMatmulParameters {
  /** Rows of x and of the product. */
  readonly m: number;
  /** Columns of the weights and of the product. */
  readonly n: number;
  /** Columns of x, rows of the weights. */
  readonly k: number;
  readonly types: readonly MatmulType[];
  /** Timed runs of each case; they take turns. */
  readonly runs: number;
  /** Seed of the operands. */
  readonly seed: number;
  /** Whether another library's product is timed too, in turns with ours. */
  readonly peers: boolean;
}

interface TimedProduct {
  readonly name: string;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly checked: true;
  /** Rows that were compared with the reference, chosen at random where they are not all. */
  readonly checkedRows: number;
  /** Runs before the timed ones. */
  readonly warmUps: number;
  /** End to end: upload of x, quantization, product, readback; the weights are resident. */
  readonly milliseconds: Distribution;
  /** 2 · m · n · k over the median, in 10⁹ a second. */
  readonly gops: number;
}

export interface BenchMatmulReport {
  readonly adapter: Engine['info']['adapter'];
  readonly cases: readonly (TimedProduct & KernelTimes)[];
  /** The products of other libraries, on the same operands. */
  readonly peers?: readonly TimedProduct[];
  /** How many times as fast as the peer each case is. */
  readonly ratios?: readonly Ratio[];
}

/** Something that multiplies x with weights that it holds. */
export interface Multiplier {
  readonly name: string;
  /** The product, read back to the CPU. */
  multiply(): Promise<Float32Array>;
  dispose(): void;
}

/** Makes another library's float product. */
export type OpenPeer = (operands: MatmulOperands) => Promise<Multiplier>;

interface CheckedMultiplier extends Multiplier {
  readonly check: MatmulCheck;
}

/**
 * Times products of seeded operands, each after one of its own was checked.
 *
 * @param openPeer makes the peer, when `parameters.peers` asks for one
 */
export async function runBenchMatmul(
  engine: Engine,
  parameters: BenchMatmulParameters,
  context: JobContext,
  openPeer?: OpenPeer,
): Promise<JobResult<BenchMatmulReport>> {
  const { m, n, k, types, seed, peers } = parameters;
  context.onProgress?.('making operands');
  await breathe();
  const operands = { M: m, N: n, K: k, x: uniformValues(m * k, seed), w: uniformValues(k * n, seed + 1) };
  const ours: CheckedMultiplier[] = [];
  const theirs: CheckedMultiplier[] = [];
  try {
    for (const type of types) {
      ours.push({ ...openOurs(engine, operands, type), check: checkOf(operands, type) });
    }
    if (peers) {
      if (!openPeer) {
        throw new InvalidInput('There is no peer to compare with here; the benchmark page in Chrome has one.');
      }
      context.onProgress?.('starting the peer');
      theirs.push({ ...(await openPeer(operands)), check: checkFloat(operands) });
    }
    const rows = sampleOf(m, affordableRows(operands), seed);
    await check([...ours, ...theirs], rows, context);
    const timed = await timeInTurns(ours.map(contenderOf), theirs.map(contenderOf), parameters.runs, context);

    const cases: (TimedProduct & KernelTimes)[] = [];
    for (const contender of timed.ours) {
      context.onProgress?.(`${contender.name}, times of the kernels`);
      const kernels = await kernelTimes(engine, 3, async () => void (await contender.run()));
      cases.push({ ...summarize(contender, parameters, rows.length), ...kernels });
    }
    const report = { adapter: engine.info.adapter, cases };
    return {
      report: theirs.length === 0 ? report : { ...report, ...against(cases, timed.theirs, parameters, rows.length) },
    };
  } finally {
    for (const contender of [...ours, ...theirs]) contender.dispose();
  }
}

/** The benchmark without peers: these come with the page that has one. */
export const benchMatmul: Job<BenchMatmulParameters, BenchMatmulReport> = {
  name: 'benchMatmul',
  page: 'bench/',
  run: runBenchMatmul,
};

const bitsOf = { int8: 8, int4: 4 } as const;

function checkOf(operands: MatmulOperands, type: MatmulType): MatmulCheck {
  return type === 'f32' ? checkFloat(operands) : checkInteger(operands, bitsOf[type]);
}

function openOurs(engine: Engine, { M, K, N, x, w }: MatmulOperands, type: MatmulType): Multiplier {
  const floatWeights = engine.tensor(w, [K, N]);
  let weights: ReturnType<typeof quantize> | typeof floatWeights = floatWeights;
  if (type !== 'f32') {
    weights = quantize(engine, floatWeights, { bits: bitsOf[type], granularity: perChannel(1), layout: 'columns' });
    floatWeights.dispose();
  }
  return {
    name: `matmul ${type}`,
    async multiply() {
      using left = engine.tensor(x, [M, K]);
      using product = matmul(engine, left, weights);
      const values = await product.read();
      return values as Float32Array;
    },
    dispose: () => weights.dispose(),
  };
}

/** One product of each, compared with its reference. It is the warm-up too: shaders are compiled in it. */
async function check(
  contenders: readonly CheckedMultiplier[],
  rows: readonly number[],
  context: JobContext,
): Promise<void> {
  for (const { name, multiply, check } of contenders) {
    context.onProgress?.(`${name}, check of ${rows.length} rows`);
    const product = await multiply();
    await breathe();
    check(product, rows);
    throwIfAborted(context.signal);
  }
}

function contenderOf({ name, multiply }: CheckedMultiplier): Contender {
  return { name, run: multiply };
}

function summarize(
  { name, milliseconds }: TimedContender<Contender>,
  { m, n, k }: BenchMatmulParameters,
  checkedRows: number,
): TimedProduct {
  return {
    name,
    m,
    n,
    k,
    checked: true,
    checkedRows,
    // The run that was checked.
    warmUps: 1,
    milliseconds,
    gops: (2 * m * n * k) / (milliseconds.median * 1e6),
  };
}

function against(
  cases: readonly TimedProduct[],
  theirs: readonly TimedContender<Contender>[],
  parameters: BenchMatmulParameters,
  checkedRows: number,
): Pick<BenchMatmulReport, 'peers' | 'ratios'> {
  const peers = theirs.map((contender) => summarize(contender, parameters, checkedRows));
  const ratios = peers.flatMap((peer) =>
    cases.map(({ name, gops }) => ({ case: name, peer: peer.name, ratio: gops / peer.gops })),
  );
  return { peers, ratios };
}
