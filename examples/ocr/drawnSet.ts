/** Drawn text as a set to evaluate models with. */

import { breathe } from '../../src/base/pieces.ts';
import type { DrawnSet } from '../../src/cli/jobs/evaluateModel.ts';
import { type EvaluationSet, InvalidInput, type LabelledBatch } from '../../src/index.ts';
import { turned } from './geometry.ts';
import { Source, wholeOf } from './picture.ts';
import { classifierWidth } from './reader.ts';
import { decodeLine, lineInput, paddedWidth, readKeys } from './recognition.ts';
import { drawLine, textLines } from './textSet.ts';

/**
 * Lines of text from a seed: for a recogniser, labelled with their text; for a classifier of directions, every other one
 * upside down, labelled 0 where it is upright and 1 where it is not. One line a batch, so that no line depends on others.
 *
 * @param keys file of the recogniser's characters
 * @throws InvalidInput for a recogniser without keys
 */
export function drawnSet({ kind, samples, seed }: DrawnSet, inputName: string, keys?: Uint8Array): EvaluationSet {
  const lines = textLines(samples, seed);
  const batches: EvaluationSet['batches'] = {
    async *[Symbol.asyncIterator](): AsyncGenerator<LabelledBatch> {
      for (const [index, line] of lines.entries()) {
        await breathe();
        const picture = drawLine(line);
        const upright = wholeOf(picture);
        const isTurned = kind === 'ocr-directions' && index % 2 === 1;
        const quad = isTurned ? turned(upright) : upright;
        const width = kind === 'ocr' ? paddedWidth(quad) : classifierWidth;
        const input = lineInput(new Source(picture), [quad], width);
        yield {
          inputs: { [inputName]: { elementType: 'float32', ...input } },
          labels: [kind === 'ocr' ? line.text : Number(isTurned)],
        };
      }
    },
  };
  if (kind === 'ocr-directions') return { batches };
  if (!keys) throw new InvalidInput('The set ocr needs the characters of the recogniser; give their file as --keys.');
  const characters = readKeys(new TextDecoder().decode(keys));
  return {
    batches,
    predict: (outputs) => {
      const [scores] = outputs.values();
      const [count = 0, , classes] = scores?.shape ?? [];
      if (!(scores?.data instanceof Float32Array) || classes !== characters.length) {
        throw new InvalidInput(
          `The model gives [${scores?.shape}], but the file of keys is for ${characters.length} classes; give the file that belongs to the model.`,
        );
      }
      const { data } = scores;
      const size = data.length / count;
      return Array.from({ length: count }, (_, line) => [
        decodeLine(data.subarray(line * size, (line + 1) * size), characters).text,
      ]);
    },
  };
}
