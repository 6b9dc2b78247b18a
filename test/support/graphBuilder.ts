import type { Attribute, Graph, GraphNode, GraphValue } from '../../src/graph/graph.ts';
import { type ElementType, type HostTensor, hostTensor } from '../../src/graph/hostTensor.ts';

/** Scale and zero point of 8-bit codes. */
export interface TensorQuantization {
  readonly type: 'int8' | 'uint8';
  readonly scale: number;
  readonly zeroPoint: number;
}

/** Puts graphs together, values in the order in which they are made. */
export class GraphBuilder {
  readonly #opset: number;
  readonly #inputs: GraphValue[] = [];
  readonly #nodes: GraphNode[] = [];
  readonly #initializers = new Map<string, HostTensor>();

  constructor(opset = 21) {
    this.#opset = opset;
  }

  input(name: string, elementType: ElementType, dimensions: readonly number[]): string {
    this.#inputs.push({ name, elementType, dimensions });
    return name;
  }

  constant(elementType: ElementType, shape: readonly number[], values: ArrayLike<number>): string {
    const name = `constant${this.#initializers.size}`;
    this.#initializers.set(name, hostTensor(elementType, shape, values));
    return name;
  }

  /** Adds a node, named as its operator and place, and gives the name of its first output. */
  node(operator: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    return this.outputs(operator, inputs, 1, attributes)[0] ?? '';
  }

  outputs(
    operator: string,
    inputs: readonly string[],
    count: number,
    attributes: Readonly<Record<string, Attribute>> = {},
  ): readonly string[] {
    const name = `${operator}${this.#nodes.length}`;
    const outputs = Array.from({ length: count }, (_, index) => `${name} output ${index}`);
    this.#nodes.push({ name, domain: '', operator, inputs, outputs, attributes: new Map(Object.entries(attributes)) });
    return outputs;
  }

  quantize(x: string, quantization: TensorQuantization): string {
    return this.node('QuantizeLinear', [x, ...this.#parameters(quantization)]);
  }

  dequantize(codes: string, quantization: TensorQuantization): string {
    return this.node('DequantizeLinear', [codes, ...this.#parameters(quantization)]);
  }

  /** Rounds a value to codes and back. */
  rounded(x: string, quantization: TensorQuantization): string {
    return this.dequantize(this.quantize(x, quantization), quantization);
  }

  /** Constant codes of one scale, or one for each place on an axis, as floats. Zero points are 0 unless given. */
  weights(codes: HostTensor, scales: readonly number[], axis?: number, zeroPoint = 0): string {
    const shape = axis === undefined ? [] : [scales.length];
    const zeroPoints = new Array<number>(scales.length).fill(zeroPoint);
    const parameters = [this.constant('float32', shape, scales), this.constant(codes.elementType, shape, zeroPoints)];
    const name = this.constant(codes.elementType, codes.shape, codes.data);
    return this.node('DequantizeLinear', [name, ...parameters], axis === undefined ? {} : { axis });
  }

  graph(outputs: readonly string[]): Graph {
    return {
      name: 'built',
      inputs: this.#inputs,
      outputs: outputs.map((name) => ({ name, elementType: undefined, dimensions: undefined })),
      nodes: this.#nodes,
      initializers: this.#initializers,
      opsets: new Map([
        ['', this.#opset],
        ['com.microsoft', 1],
      ]),
    };
  }

  #parameters({ type, scale, zeroPoint }: TensorQuantization): readonly string[] {
    return [this.constant('float32', [], [scale]), this.constant(type, [], [zeroPoint])];
  }
}
