/** Receipts: hashes of the codes of a run, by which two machines are compared. */
import { sha256 } from '../base/sha256.ts';
import { hostBytes } from './hostBytes.ts';
import { type ElementType, type HostTensor, isInteger, storedBytes } from './hostTensor.ts';
import type { NodeInput } from './operator.ts';
import { download, feed, type NodePlan, Plan, type PlanSource } from './plan.ts';

/** A value of a run. */
export interface ReceiptValue {
  readonly name: string;
  readonly elementType: ElementType;
  readonly shape: readonly number[];
  /** SHA-256, in hexadecimal, of the elements: row-major, little-endian, each as wide as its type, without padding. */
  readonly sha256: string;
}

/** The integers that one node made. */
export interface ReceiptLayer extends ReceiptValue {
  readonly node: string;
  readonly operator: string;
}

/** What a run of a model gave, layer by layer. Plain data that survives JSON. */
export interface Receipt {
  readonly version: 1;
  /** SHA-256 of all lines `name elementType [shape] sha256` of inputs and layers, in order, each ended by a line feed. */
  readonly sha256: string;
  readonly inputs: readonly ReceiptValue[];
  /** The integer results of all nodes that the GPU computed. */
  readonly layers: readonly ReceiptLayer[];
}

/** Values of at most so many bytes are held on the GPU at once; a model with more is run several times. */
const heldBytes = 2 ** 26;

/** Runs a graph and hashes every integer value that the GPU computes. */
export async function makeReceipt(
  source: PlanSource,
  inputs: Readonly<Record<string, HostTensor>>,
  types: ReadonlyMap<string, NodeInput>,
  nodes: readonly NodePlan[],
): Promise<Receipt> {
  const wanted = nodes
    .filter(({ place }) => place === 'gpu')
    .flatMap(({ node, operator, outputs }) => outputs.map((output) => ({ node, operator, ...output })))
    .filter(({ elementType }) => isInteger(elementType));
  const layers: ReceiptLayer[] = [];
  for (const group of groupsOf(wanted)) {
    const outputs = group.map(({ name, elementType }) => ({ name, elementType, dimensions: undefined }));
    const plan = new Plan({ ...source, graph: { ...source.graph, outputs } }, types);
    try {
      for (const [name, target] of plan.inputs) {
        const value = inputs[name];
        if (value) feed(source.engine, target, value, name);
      }
      plan.run();
      for (const { node, operator, name, elementType, shape } of group) {
        const tensor = plan.outputs.get(name)?.tensor;
        if (!tensor) continue;
        const value = await download(tensor, { elementType, shape });
        layers.push({ node, operator, name, elementType, shape, sha256: await sha256(hostBytes(value)) });
      }
    } finally {
      plan.dispose();
    }
  }
  const given = await Promise.all(
    Object.entries(inputs).map(async ([name, value]) => {
      const { elementType, shape } = value;
      return { name, elementType, shape, sha256: await sha256(hostBytes(value)) };
    }),
  );
  given.sort((a, b) => (a.name < b.name ? -1 : 1));
  const text = [...given, ...layers].map((value) => `${lineOf(value)}\n`).join('');
  return { version: 1, sha256: await sha256(new TextEncoder().encode(text)), inputs: given, layers };
}

const lineOf = ({ name, elementType, shape, sha256: hash }: ReceiptValue): string =>
  `${name} ${elementType} [${shape}] ${hash}`;

/** Values in groups that fit the GPU together. */
function groupsOf<T extends { readonly elementType: ElementType; readonly shape: readonly number[] }>(
  values: readonly T[],
): T[][] {
  const groups: T[][] = [];
  let held = Number.POSITIVE_INFINITY;
  for (const value of values) {
    const bytes = storedBytes([value]);
    if (held + bytes > heldBytes) {
      groups.push([]);
      held = 0;
    }
    held += bytes;
    groups.at(-1)?.push(value);
  }
  return groups;
}

/** Where two receipts differ first. */
export interface ReceiptDifference {
  /** The layer, or the input, by the name of its value. */
  readonly name: string;
  /** What computed it; undefined for an input of the model. */
  readonly node: string | undefined;
  /** Each receipt's own account of it; undefined where it lacks it. */
  readonly found: string | undefined;
  readonly expected: string | undefined;
}

/** The first input or layer in which two receipts differ; undefined where they are the same. */
export function compareReceipts(found: Receipt, expected: Receipt): ReceiptDifference | undefined {
  const [left, right] = [found, expected].map(({ inputs, layers }): (ReceiptValue & { node?: string })[] => {
    return [...inputs, ...layers];
  });
  const count = Math.max(left?.length ?? 0, right?.length ?? 0);
  for (let index = 0; index < count; index++) {
    const [a, b] = [left?.[index], right?.[index]];
    const lines = [a && lineOf(a), b && lineOf(b)];
    if (lines[0] !== lines[1]) {
      return { name: a?.name ?? b?.name ?? '', node: a?.node ?? b?.node, found: lines[0], expected: lines[1] };
    }
  }
  return undefined;
}

/** Whether something that was read from JSON is a receipt. */
export function isReceipt(value: unknown): value is Receipt {
  if (typeof value !== 'object' || value === null) return false;
  const { version, sha256: whole, inputs, layers }: Partial<Record<string, unknown>> = { ...value };
  return version === 1 && typeof whole === 'string' && [inputs, layers].every(isValues);
}

function isValues(values: unknown): boolean {
  const isValue = (value: Partial<ReceiptValue> | null): boolean =>
    [value?.name, value?.elementType, value?.sha256].every((text) => typeof text === 'string') &&
    Array.isArray(value?.shape);
  return Array.isArray(values) && values.every(isValue);
}
