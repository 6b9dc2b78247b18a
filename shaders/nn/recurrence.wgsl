// One step of a recurrent layer for its cells: one for each direction, sample and unit. What LSTM and GRU have in common.

struct Recurrence {
  unitCount: u32,
  batchCount: u32,
  step: u32,
  stepCount: u32,
  // 1 where the first direction runs backwards; the second always does.
  backwards: u32,
  // Rows of the projected input from one direction, time and sample to the next.
  rowDirection: u32,
  rowTime: u32,
  rowBatch: u32,
  // Elements of y and of a state from one to the next.
  yDirection: u32,
  yTime: u32,
  yBatch: u32,
  stateDirection: u32,
  stateBatch: u32,
  hasLengths: u32,
  hasInitial: u32,
  hasBias: u32,
  // Elements of a direction's parameters, and where peephole weights begin in them.
  parameterStride: u32,
  peepholes: u32,
  hasPeepholes: u32,
  // 1 where the forget gate is what the input gate leaves.
  coupled: u32,
  // Bound of what goes into a gate.
  clip: f32,
  firstCell: u32,
  endCell: u32,
}

struct Cell {
  direction: u32,
  unit: u32,
  // Times that the sample has.
  length: u32,
  // Row of the projected input.
  row: u32,
  // First elements of the sample in y now and one step ago, and in a state.
  y: u32,
  previous: u32,
  state: u32,
  // Where y is zero if the sample has no such step.
  yBeyond: u32,
}

fn sampleOf(recurrence: Recurrence, index: u32) -> u32 {
  return index / recurrence.unitCount % recurrence.batchCount;
}

// `givenLength` counts only where there are lengths.
fn cellOf(recurrence: Recurrence, index: u32, givenLength: i32) -> Cell {
  let batch = sampleOf(recurrence, index);
  let direction = index / recurrence.unitCount / recurrence.batchCount;
  let given = u32(clamp(givenLength, 0, i32(recurrence.stepCount)));
  let length = select(recurrence.stepCount, given, recurrence.hasLengths == 1u);
  let isBackwards = direction == 1u || recurrence.backwards == 1u;
  let time = select(recurrence.step, length - 1u - recurrence.step, isBackwards);
  let before = select(time - 1u, time + 1u, isBackwards);
  let y = direction * recurrence.yDirection + batch * recurrence.yBatch;
  return Cell(
    direction,
    index % recurrence.unitCount,
    length,
    direction * recurrence.rowDirection + time * recurrence.rowTime + batch * recurrence.rowBatch,
    y + time * recurrence.yTime,
    y + before * recurrence.yTime,
    direction * recurrence.stateDirection + batch * recurrence.stateBatch,
    y + recurrence.step * recurrence.yTime,
  );
}

// Beyond ±80 the result does not change, and exp() would leave the range of f32.
fn logistic(x: f32) -> f32 {
  return 1.0 / (1.0 + exp(-clamp(x, -80.0, 80.0)));
}

fn hyperbolicTangent(x: f32) -> f32 {
  return 2.0 * logistic(2.0 * x) - 1.0;
}
