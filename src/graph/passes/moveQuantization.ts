import type { GraphNode } from '../graph.ts';
import type { GraphEditor } from '../graphEditor.ts';
import { type HostTensor, hostTensor } from '../hostTensor.ts';
import {
  codeRange,
  constantName,
  type Dequantized,
  dequantized,
  dequantizedAtOnce,
  isOnnx,
  type Quantizer,
  quantizer,
  sameQuantization,
} from './quantization.ts';

/** Operators that only move the elements of their first input, or choose among them by their order. */
const movers: ReadonlySet<string> = new Set([
  'Reshape',
  'Transpose',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Slice',
  'Split',
  'Gather',
  'Pad',
  'MaxPool',
  'Resize',
  'Upsample',
  'Expand',
  'Tile',
  'DepthToSpace',
  'SpaceToDepth',
  'Identity',
]);

type Parameters = Pick<Quantizer, 'codeType' | 'scale' | 'zeroPoint'>;

/** A mover as it works on codes: what is given to it beside the codes. Undefined where it makes other numbers. */
function onCodes(editor: GraphEditor, node: GraphNode, parameters: Parameters, exactly: boolean) {
  if (node.domain !== '' || !movers.has(node.operator)) return undefined;
  const { operator, inputs, attributes } = node;
  if (operator === 'MaxPool' && node.outputs[1]) return undefined;
  if (operator === 'Resize' || operator === 'Upsample') {
    const extrapolates = attributes.get('coordinate_transformation_mode') === 'tf_crop_and_resize';
    return (attributes.get('mode') ?? 'nearest') === 'nearest' && !extrapolates ? { inputs, attributes } : undefined;
  }
  if (operator !== 'Pad' || (attributes.get('mode') ?? 'constant') !== 'constant') return { inputs, attributes };
  const byAttribute = editor.opset() < 11;
  const given = byAttribute || !inputs[2] ? undefined : editor.constant(inputs[2]);
  if (!byAttribute && inputs[2] && !given) return undefined;
  const code = codeOf(Number(given?.data[0] ?? attributes.get('value') ?? 0), parameters, exactly);
  if (code === undefined) return undefined;
  if (byAttribute) return { inputs, attributes: new Map([...attributes, ['value', code]]) };
  const value = editor.addInitializer(`${node.name} value`, hostTensor(parameters.codeType, [], [code]));
  return { inputs: [inputs[0] ?? '', inputs[1] ?? '', value, ...inputs.slice(3)], attributes };
}

/** The code of a number; undefined where `exactly` is asked for and it stands for another number. */
function codeOf(value: number, { codeType, scale, zeroPoint }: Parameters, exactly: boolean): number | undefined {
  const [step = 1, zero = 0] = [scale.data[0], zeroPoint.data[0]];
  const code = Math.round(Math.fround(value / step)) + zero;
  const [least, greatest] = codeRange(codeType);
  const stands = code >= least && code <= greatest && Math.fround((code - zero) * step) === Math.fround(value);
  return stands || (!exactly && value === 0) ? code : undefined;
}

/** The axis of the scales behind a mover; undefined where it is none, null where there is no such axis any more. */
function axisBehind(node: GraphNode, { axis, scale }: Dequantized): number | undefined | null {
  if (axis === undefined) return undefined;
  const order = node.attributes.get('perm');
  if (!isOnnx(node, 'Transpose') || !Array.isArray(order) || scale.shape.length !== 1) return null;
  const place = order.indexOf(axis < 0 ? axis + order.length : axis);
  return place < 0 ? null : place;
}

/**
 * Lets operators that only move elements move codes: DequantizeLinear → Reshape becomes Reshape → DequantizeLinear, and so for
 * Concat where all its inputs have the same scale and zero point.
 */
export function sinkDequantize(editor: GraphEditor): void {
  for (const node of editor.nodes) {
    if (isOnnx(node, 'Concat')) sinkThroughConcat(editor, node);
    else if (isOnnx(node, 'Shape')) readShapeOfCodes(editor, node);
    else sinkThroughMover(editor, node);
  }
}

function sinkThroughMover(editor: GraphEditor, node: GraphNode): void {
  const found = dequantized(editor, node.inputs[0]);
  if (typeof found === 'string') return;
  const axis = axisBehind(node, found);
  const given = axis === null ? undefined : onCodes(editor, node, found, true);
  if (!given || axis === null) return;
  sink(editor, { ...node, ...given, inputs: [found.codes, ...given.inputs.slice(1)] }, found, axis);
}

/** Codes have the shape of their numbers. */
function readShapeOfCodes(editor: GraphEditor, node: GraphNode): void {
  const maker = editor.maker(node.inputs[0]);
  if (isOnnx(maker, 'DequantizeLinear')) editor.update(node, { inputs: maker.inputs.slice(0, 1) });
}

function sinkThroughConcat(editor: GraphEditor, node: GraphNode): void {
  const found = node.inputs.map((name) => dequantizedAtOnce(editor, name));
  const known = found.filter((input) => typeof input !== 'string');
  const [first, ...others] = known;
  if (!first || known.length < found.length || !others.every((other) => sameQuantization(first, other))) return;
  sink(editor, { ...node, inputs: known.map(({ codes }) => codes) }, first, undefined);
}

/** Puts in a node that works on codes, and behind it what dequantizes its results. */
function sink(editor: GraphEditor, onCodes: GraphNode, found: Dequantized, axis: number | undefined): void {
  const { node, scale, zeroPoint } = found;
  const outputs = onCodes.outputs.map((name) => (name === '' ? '' : editor.freshName(`${name} codes`)));
  editor.insert({ ...onCodes, outputs });
  const parameters = [constantName(editor, node.inputs[1], scale), constantName(editor, node.inputs[2], zeroPoint)];
  onCodes.outputs.forEach((name, index) => {
    if (name === '') return;
    const inputs = [outputs[index] ?? '', ...parameters];
    const attributes = axis === undefined ? new Map() : new Map([['axis', axis]]);
    editor.fuse([node], { ...node, name: editor.freshName(node.name), inputs, outputs: [name], attributes });
  });
}

/**
 * Lets numbers be quantized before they are moved: Conv → MaxPool → QuantizeLinear becomes Conv → QuantizeLinear → MaxPool,
 * and so for each input of a Concat.
 */
export function raiseQuantize(editor: GraphEditor): void {
  const waiting: GraphNode[] = editor.nodes.filter((node) => isOnnx(node, 'QuantizeLinear'));
  for (let node = waiting.pop(); node; node = waiting.pop()) {
    if (editor.has(node)) waiting.push(...raise(editor, node));
  }
}

/** Gives what takes the place of a QuantizeLinear; nothing where that stays. */
function raise(editor: GraphEditor, node: GraphNode): readonly GraphNode[] {
  const found = quantizer(editor, node);
  const before = editor.maker(node.inputs[0]);
  if (typeof found === 'string' || !before || editor.onlyUser(node.inputs[0]) !== node) return [];
  if (isOnnx(before, 'Concat')) return raiseOverConcat(editor, node, before);
  const [given = ''] = before.inputs;
  // What is dequantized would have been moved as codes already.
  const apart = !editor.maker(given) || isOnnx(editor.maker(given), 'DequantizeLinear') || editor.constant(given);
  if (apart || before.outputs.length !== 1 || editor.onlyUser(given) !== before) return [];
  const moved = onCodes(editor, before, found, false);
  if (!moved) return [];
  const codes = editor.freshName(`${given} codes`);
  const raised = editor.insert({ ...node, inputs: [given, ...node.inputs.slice(1)], outputs: [codes] });
  editor.fuse([before], { ...before, ...moved, inputs: [codes, ...moved.inputs.slice(1)], outputs: node.outputs });
  return [raised];
}

function raiseOverConcat(editor: GraphEditor, node: GraphNode, concat: GraphNode): readonly GraphNode[] {
  const ready = concat.inputs.every((name) => {
    return isOnnx(editor.maker(name), 'DequantizeLinear') || (editor.maker(name) && editor.onlyUser(name) === concat);
  });
  if (!ready) return [];
  const raised = concat.inputs.map((given) => {
    const inputs = [given, ...node.inputs.slice(1)];
    const replaces = node.replaces ?? [node.name];
    const outputs = [editor.freshName(`${given} codes`)];
    return editor.insert({ ...node, name: editor.freshName(node.name), replaces, inputs, outputs });
  });
  const inputs = raised.flatMap(({ outputs }) => outputs);
  editor.fuse([concat], { ...concat, inputs, outputs: node.outputs });
  return raised;
}

/** Leaves one of several QuantizeLinear that make the same codes, as exporters write that give each reader its own. */
export function mergeQuantizers(editor: GraphEditor): void {
  const known = new Map<string, Quantizer[]>();
  for (const snapshot of editor.nodes) {
    // What it reads may have changed its name.
    const node = editor.maker(snapshot.outputs[0]);
    const found = isOnnx(node, 'QuantizeLinear') ? quantizer(editor, node) : '';
    if (!node || typeof found === 'string') continue;
    const alike = known.get(node.inputs[0] ?? '') ?? [];
    known.set(node.inputs[0] ?? '', alike);
    const same = alike.find((other) => sameQuantization(other, found));
    if (!same || !editor.redirect(found.codes, same.codes)) alike.push(found);
  }
}

/** Quantizes constants beforehand, so that weights given as floats and quantized in the graph are constant codes. */
export function quantizeConstants(editor: GraphEditor): void {
  for (const node of editor.nodes) {
    if (!isOnnx(node, 'QuantizeLinear')) continue;
    const codes: HostTensor | undefined = editor.constant(node.outputs[0]);
    const [name = ''] = node.outputs;
    if (codes) editor.redirect(name, editor.addInitializer(`${name} codes`, codes));
  }
}
