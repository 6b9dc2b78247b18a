import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../src/cli/checkout.ts';
import { cuanta } from '../support/commandLine.ts';

const iris = 'test/oracles/iris.csv';

/** What was typed, and what the answer has to say. */
const misuses: readonly (readonly [string, RegExp])[] = [
  [
    'frobnicate',
    /no command "frobnicate".*info, inspect, run, quantize, evaluate, bench matmul, bench kmeans, bench dbscan, .*bench model, bench suite, .*cluster kmeans, .*cluster dbscan/,
  ],
  ['bench', /no command "bench"/],
  ['bench sort', /no command "bench sort"; there are bench matmul, bench kmeans, [^;]*bench suite\. See/],
  ['cluster', /no command "cluster"; there are cluster kmeans, cluster mini-batch, [^;]*product-quantization\. See/],
  ['--frobnicate', /no option --frobnicate/],
  ['info extra', /"extra" is too many/],
  ['info --runtime firefox', /--runtime is "firefox"; it takes dawn, chrome/],
  ['info --runtime', /value is missing: --runtime <name>/],
  ['bench matmul --m', /value is missing: --m <rows>/],
  ['bench matmul --m 0', /--m is "0"; it takes an integer from 1 to 1,000,000/],
  ['bench matmul --m 2.5', /--m is "2.5"; it takes an integer/],
  ['bench matmul --m ten', /--m is "ten"; it takes an integer/],
  ['bench matmul --m 1 --m 2', /--m is given 2 times/],
  ['bench matmul --m 1000000 --k 1000000', /elements; at most 268,435,456/],
  ['bench matmul --types int8,float', /--types is "float"; it takes int8, int4, f32/],
  ['bench matmul --peers --runtime dawn', /--peers needs --runtime chrome/],
  ['bench matmul --width 3', /no option --width; bench matmul takes --m, --n, --k, --types/],
  ['bench kmeans --points 10 --clusters 11', /--clusters is "11"; it takes an integer from 1 to 10/],
  ['bench kmeans --precision int4', /--precision is "int4"; it takes f32, int8/],
  ['bench kmeans --skew 1.5', /--skew is "1.5"; it takes a share from 0 to 1/],
  ['run', /lacks its argument <model>/],
  ['run model.onnx --input', /value is missing: --input <name=file.npy>/],
  ['run model.onnx --input x', /--input is "x"; it takes a name, = and a value/],
  [
    'run model.onnx --outputs y',
    /no option --outputs; run takes --input, --output-directory, --receipt, --compare, --self-check/,
  ],
  ['inspect', /lacks its argument <model>/],
  ['quantize m.onnx --percentile 99 --output o', /--percentile needs --method percentile/],
  ['quantize m.onnx --averaging-constant 0.5 --method mse --output o', /needs --method moving-average/],
  ['quantize m.onnx --weights-only --method mse --output o', /--method is given, but activations stay in float/],
  [
    'quantize m.onnx --weights-only --activation-bits 4 --output o',
    /--weights-only and --activation-bits 4 are both given/,
  ],
  ['quantize m.onnx --rounding up --output o', /--rounding is "up"; it takes nearest, gptq, descent, adaround/],
  ['quantize m.onnx --smooth 2 --calibration c.npy --output o', /--smooth is "2"; it takes a number from 0 to 1/],
  [
    'quantize m.onnx --weights-only --save-calibration c.json --output o',
    /--save-calibration is given, but activations/,
  ],
  ['quantize m.onnx --weights-only --format qoperator --output o', /qoperator computes with codes, but activations/],
  ['quantize m.onnx --calibration c.npy --output o.safetensors', /o.safetensors, but --format qdq writes .onnx/],
  [
    'quantize m.onnx --calibration c.npy --format safetensors --output o.onnx',
    /--format safetensors writes .safetensors/,
  ],
  [
    'quantize m.onnx --calibration c.npy --weight-bits 4 --budget-bytes 9 --output o',
    /--weight-bits is given, but --budget-bytes chooses/,
  ],
  ['inspect m.onnx --method mse', /--method is given, but needs --sensitivity/],
  ['inspect m.onnx --correct-bias', /--correct-bias is given, but needs --sensitivity/],
  ['inspect m.onnx --sensitivity', /--sensitivity needs samples/],
  ['bench model', /lacks its argument <model>/],
  ['inspect model.onnx --shape x=1,b', /--shape of x is "1,b"; it takes whole numbers/],
  [`cluster agglomerative ${iris} --clusters 2 --height 1`, /--clusters and --height are both given/],
  [`cluster agglomerative ${iris} --linkage median`, /--linkage is "median"; it takes ward, complete, average, single/],
  ['cluster kmeans', /lacks its argument <file>/],
  [`cluster kmeans ${iris} ${iris}`, /is too many/],
  [`cluster kmeans ${iris} --max-iterations 0`, /--max-iterations is "0"/],
  [`cluster kmeans ${iris} --tolerance -1`, /--tolerance is "-1"; it takes a number that is 0 or larger/],
  [`cluster kmeans ${iris} --tolerance=-1`, /--tolerance is "-1"; it takes a number that is 0 or larger/],
  [`cluster kmeans ${iris} --init last`, /--init is "last"; it takes k-means\+\+, k-means\|\|, random, first/],
  [`cluster kmeans ${iris} --metric taxi`, /--metric is "taxi"; it takes euclidean, cosine/],
  [`cluster kmeans ${iris} --precision f16`, /--precision is "f16"; it takes f32, int8/],
  ['cluster kmeans points.npy --chunk-rows 9 --metrics', /--chunk-rows does not go together with --metrics/],
  ['cluster kmeans points.npy --chunk-rows 9 --precision int8', /not go together with --precision int8/],
  ['bench dbscan --scaling --points 10', /--points is "10"; it takes an integer from 100/],
  ['bench kmeans --peer-iterations 0', /--peer-iterations is "0"; it takes an integer from 1/],
  [`cluster kmeans ${iris} --starts 0`, /--starts is "0"/],
  [`cluster kmeans ${iris} --chunk-rows 100`, /--chunk-rows does not go together with a .csv file/],
  ['cluster kmeans points.npy --chunk-rows 0', /--chunk-rows is "0"; it takes an integer from 1/],
  ['cluster kmeans points.npy --chunk-rows 9 --starts 2', /--chunk-rows does not go together with --starts/],
  [`cluster mini-batch ${iris} --batch-size 0`, /--batch-size is "0"/],
  [`cluster bisecting ${iris} --strategy worst`, /--strategy is "worst"; it takes biggest-inertia, largest-cluster/],
  [`cluster kmeans ${iris} --columns 3-9`, /--columns.*3-9 are not in the table, which has 5/],
  [`cluster kmeans ${iris} --columns 3-1`, /--columns.*3-1 are not in the table/],
  [`cluster kmeans ${iris} --columns a`, /--columns.*'a' does not name columns/],
  [`cluster dbscan ${iris} --epsilon 0`, /--epsilon is "0"; it takes a number above 0/],
  [`cluster dbscan ${iris} --epsilon 1 --suggest-epsilon`, /--epsilon and --suggest-epsilon are both given/],
  ['bench dbscan --points 1000,10', /--points is "10"; it takes an integer from 100/],
  [
    `cluster gaussian-mixture ${iris} --covariance round`,
    /--covariance is "round"; it takes full, tied, diag, spherical/,
  ],
  [`cluster gaussian-mixture ${iris} --means ${iris} --starts 2`, /--starts is 2; with --means/],
  [`cluster product-quantization ${iris} --bits 5`, /--bits is "5"; it takes 8, 4/],
  ['bench gaussian-mixture --points 10', /--points is "10"; it takes an integer from 1,000/],
  [`cluster kmeans ${iris} --labels out.csv`, /--labels is "out.csv"; it takes a file name that ends in .npy/],
  [`cluster kmeans ${iris} --labels a.npy --centroids ./a.npy`, /name two different files/],
];

// Each is a process of its own: several run at once.
describe.concurrent('a command line that is not understood', () => {
  test.each(misuses)('cuanta %s', async (words, expected) => {
    const { exitCode, stdout, stderr } = await cuanta(words.split(' '));
    expect(stderr).toMatch(expected);
    expect(stderr).toMatch(/^error\[Usage\]: .* See cuanta .*--help\.\n$/);
    expect(stdout).toBe('');
    expect(exitCode).toBe(2);
  });

  test('with --json is told as JSON too', async () => {
    const { exitCode, stdout } = await cuanta(['bench', 'matmul', '--m', 'ten', '--json']);
    expect(JSON.parse(stdout)).toEqual({ error: { code: 'Usage', message: expect.stringContaining('"ten"') } });
    expect(exitCode).toBe(2);
  });
});

describe.concurrent('help and version', () => {
  test.each([
    [
      '',
      /bench matmul .*\n.*bench kmeans .*\n.*bench dbscan .*\n[\s\S]*bench model <model> .*\n.*bench suite .*\n.*cluster kmeans <file>/,
    ],
    ['--help', /cluster kmeans <file>/],
    ['info --help', /\$ cuanta info \[options\][\s\S]*--runtime <name>[\s\S]*--json/],
    ['bench matmul --help', /--types <list>[\s\S]*default: int8,f32/],
    ['bench kmeans --help', /--iterations <count>[\s\S]*default: 5[\s\S]*--peer-iterations <count>/],
    ['inspect --help', /--shape <name=lengths>[\s\S]*--method <name>[\s\S]*--weight-bits <bits>/],
    ['run --help', /--input <name=file.npy>[\s\S]*--output-directory <folder>[\s\S]*--self-check/],
    ['cluster agglomerative --help', /--height <distance>[\s\S]*--linkage-matrix <file.npy>/],
    ['cluster dbscan --help', /--suggest-epsilon[\s\S]*--min-points <count>[\s\S]*default: 5/],
    ['cluster gaussian-mixture --help', /--covariance <type>[\s\S]*--means <file>/],
    ['cluster product-quantization --help', /--subspaces <count>[\s\S]*default: 8[\s\S]*--codebooks <file.npy>/],
    ['cluster kmeans --help', /--precision <name>[\s\S]*--max-iterations <count>[\s\S]*default: 300[\s\S]*--metrics/],
    ['quantize --help', /--divide-by <number>[\s\S]*--smooth \[strength\]/],
  ])('cuanta %s', async (words, expected) => {
    const { exitCode, stdout, stderr } = await cuanta(words.split(' ').filter((word) => word !== ''));
    expect(stdout).toMatch(expected);
    expect(stderr).toBe('');
    expect(exitCode).toBe(0);
  });

  test('the version is that of the package', async () => {
    const { version } = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')) as { version: string };
    expect(await cuanta(['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
  });
});
