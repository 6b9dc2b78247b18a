import type { ElementType, HostTensor } from './hostTensor.ts';

/** An axis length: a number, the name of one that is bound at run time, or nothing known. */
export type Dimension = number | string | undefined;

/** An input or output of a graph as it is declared. */
export interface GraphValue {
  readonly name: string;
  /** Undefined where an output does not declare it. */
  readonly elementType: ElementType | undefined;
  /** Undefined where even the rank is not declared. */
  readonly dimensions: readonly Dimension[] | undefined;
}

/** What a node's attribute may hold. */
export type Attribute = number | string | HostTensor | Graph | readonly number[] | readonly string[];

/** One operation. */
export interface GraphNode {
  /** Unique in its graph; made up where the model has none. */
  readonly name: string;
  /** '' is ONNX's own domain. */
  readonly domain: string;
  /** Name of the operator, such as `Conv`. */
  readonly operator: string;
  /** Names of values; '' for one left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** A model as a graph: nodes come after whatever they read. */
export interface Graph {
  readonly name: string;
  /** What the caller must give: initializers are not among them. */
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
  readonly nodes: readonly GraphNode[];
  readonly initializers: ReadonlyMap<string, HostTensor>;
  /** Version of the operator set of each domain. */
  readonly opsets: ReadonlyMap<string, number>;
}
