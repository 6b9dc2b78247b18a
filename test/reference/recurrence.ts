/** A recurrent layer of one direction, in order, and its operands as the kernels take them. */
export interface ReferenceLayer {
  readonly steps: number;
  readonly samples: number;
  readonly units: number;
  /** [steps][samples][gates · units]. */
  readonly projected: ArrayLike<number>;
  /** [gates · units][units]. */
  readonly weights: ArrayLike<number>;
  /** Biases of the input and of the state, then peephole weights. */
  readonly parameters: ArrayLike<number>;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Sums of a gate over the input (with its bias) and over a state (with its own). */
function gateSums(layer: ReferenceLayer, gateCount: number, at: { step: number; sample: number; unit: number }) {
  const { samples, units, projected, weights, parameters } = layer;
  const gates = gateCount * units;
  const line = (gate: number): number => gate * units + at.unit;
  return {
    input: (gate: number): number =>
      (projected[(at.step * samples + at.sample) * gates + line(gate)] ?? 0) + (parameters[line(gate)] ?? 0),
    state: (gate: number, state: readonly number[]): number =>
      state.reduce(
        (sum, value, k) => sum + value * (weights[line(gate) * units + k] ?? 0),
        parameters[gates + line(gate)] ?? 0,
      ),
  };
}

/** States after each step, [steps][samples][units], from zeros. Gates: input, output, forget, cell. */
export function referenceLstm(layer: ReferenceLayer): number[] {
  const { steps, samples, units, parameters } = layer;
  const y: number[] = [];
  let states = Array.from({ length: samples }, () => Array<number>(units).fill(0));
  const memory = states.map((state) => [...state]);
  for (let step = 0; step < steps; step++) {
    states = states.map((state, sample) =>
      state.map((_, unit) => {
        const { input, state: fromState } = gateSums(layer, 4, { step, sample, unit });
        const sum = (gate: number): number => input(gate) + fromState(gate, state);
        const peephole = (gate: number): number => parameters[8 * units + gate * units + unit] ?? 0;
        const cells = memory[sample] ?? [];
        const before = cells[unit] ?? 0;
        const now =
          sigmoid(sum(2) + peephole(2) * before) * before + sigmoid(sum(0) + peephole(0) * before) * Math.tanh(sum(3));
        cells[unit] = now;
        return sigmoid(sum(1) + peephole(1) * now) * Math.tanh(now);
      }),
    );
    y.push(...states.flat());
  }
  return y;
}

/** States after each step, [steps][samples][units], from zeros. Gates: update, reset, candidate. */
export function referenceGru(layer: ReferenceLayer, resetsSums: boolean): number[] {
  const { steps, samples, units } = layer;
  const y: number[] = [];
  let states = Array.from({ length: samples }, () => Array<number>(units).fill(0));
  for (let step = 0; step < steps; step++) {
    states = states.map((state, sample) => {
      const sums = (unit: number) => gateSums(layer, 3, { step, sample, unit });
      const gate = (index: number, unit: number): number =>
        sigmoid(sums(unit).input(index) + sums(unit).state(index, state));
      const reset = state.map((value, unit) => value * gate(1, unit));
      return state.map((value, unit) => {
        const { input, state: fromState } = sums(unit);
        const candidate = resetsSums ? gate(1, unit) * fromState(2, state) : fromState(2, reset);
        const update = gate(0, unit);
        return (1 - update) * Math.tanh(input(2) + candidate) + update * value;
      });
    });
    y.push(...states.flat());
  }
  return y;
}
