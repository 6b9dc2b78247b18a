import { type Engine, loadOnnx } from '../../src/index.ts';
import { type Agreement, agreement } from '../ocr/difference.ts';
import { modelRoles, type OcrModels, type ReadProgress, readPicture, type Stage } from '../ocr/reader.ts';
import { readKeys } from '../ocr/recognition.ts';
import { drawPage, textPage } from '../ocr/textSet.ts';

/** Files of the three models, and the characters of the recogniser. */
export type ReadingFiles = Readonly<Record<(typeof modelRoles)[number] | 'keys', Uint8Array>>;

/** Of the characters on the page, at most this share may be wrong. */
const toleratedErrorRate = 0.05;

export interface ReadingReport extends Agreement {
  readonly drawn: readonly string[];
  readonly read: readonly { readonly text: string; readonly confidence: number }[];
  /** Of a first reading, which compiles shaders, and of a second one. */
  readonly milliseconds: readonly Readonly<Record<Stage, number>>[];
  readonly toleratedErrorRate: number;
  /** Whether no more characters are wrong than is tolerated. */
  readonly passed: boolean;
}

const lineCount = 4;
const seed = 1;

/** Draws a page of text and reads it, twice. */
export async function reportReading(
  engine: Engine,
  files: ReadingFiles,
  onProgress: (line: string) => void,
): Promise<ReadingReport> {
  const [detector, classifier, recogniser] = await Promise.all([
    loadOnnx(engine, files.detector),
    loadOnnx(engine, files.classifier),
    loadOnnx(engine, files.recogniser),
  ]);
  const models: OcrModels = { detector, classifier, recogniser };
  try {
    const keys = readKeys(new TextDecoder().decode(files.keys));
    const page = textPage(lineCount, seed);
    const picture = drawPage(page);
    const tell = ({ stage, done, total }: ReadProgress): void =>
      onProgress(stage === 'detect' ? 'reading: finding lines' : `reading: ${stage}, ${done} of ${total} lines`);
    const first = await readPicture(models, keys, picture, { onProgress: tell });
    const { lines, milliseconds } = await readPicture(models, keys, picture);
    const drawn = page.lines.map(({ text }) => text);
    const read = lines.map(({ reading }) => reading);
    const found = agreement(
      drawn,
      read.map(({ text }) => text),
    );
    return {
      ...found,
      drawn,
      read,
      milliseconds: [first.milliseconds, milliseconds],
      toleratedErrorRate,
      passed: found.characterErrorRate <= toleratedErrorRate,
    };
  } finally {
    for (const role of modelRoles) models[role].dispose();
  }
}
