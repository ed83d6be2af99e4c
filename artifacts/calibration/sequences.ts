import { basename } from 'node:path';
import { failed } from '../../core/errors.js';
import { calibrationWindows } from '../../core/techniques/calibration-windows.js';
import { loadObserver } from '../../engines/runners/index.js';
import type { ObservedPlace } from '../../engines/runners/observer.js';
import { modelFacts } from '../../formats/gguf/facts.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { readText } from '../files/text.js';

export interface SequencesRequest {
  /** The model whose vocabulary cuts the text. */
  readonly modelPath: string;
  readonly textPath: string;
  /** Sequences, at most. */
  readonly sequences: number;
  /** Tokens of a sequence, at most; what the model was trained to see at once is the other bound. */
  readonly tokens: number;
  readonly windows: CalibrationWindows;
  /** Where the model will be run, for a process has one engine; left out = on the CPU. */
  readonly place?: ObservedPlace;
}

/**
 * `random`: a seeded choice of windows as they stand in the text, as pruning takes them
 * (`calibrationWindows`). `chunks`: side by side from the start, BOS in place of the first token of each, as
 * llama-imatrix does.
 */
export type CalibrationWindows =
  | { readonly scheme: 'random'; readonly seed: number }
  | { readonly scheme: 'chunks' };

/**
 * Cuts a text into calibration sequences.
 * @throws FailureError `impossible-combination` when the text is shorter than one of them or is no UTF-8,
 * `model-unsupported` when the model has no vocabulary.
 */
export async function calibrationSequences(request: SequencesRequest): Promise<readonly Int32Array[]> {
  const { modelPath, textPath, sequences, windows } = request;
  const header = readGgufHeader(modelPath);
  // The engine would end the process.
  if (!header.metadata.has('tokenizer.ggml.tokens')) {
    const message = `${basename(modelPath)} has no vocabulary, so no text can be run through it`;
    throw failed('model-unsupported', message);
  }
  const text = readText(textPath);
  const wanted = Math.min(request.tokens, modelFacts(header).contextLength);
  const chunks = windows.scheme === 'chunks';
  const observer = await loadObserver(request.place);
  return observer.withVocabulary(modelPath, (vocabulary) => {
    const tokens = vocabulary.tokenize(text, chunks);
    const seed = windows.scheme === 'random' ? windows.seed : null;
    const cut = calibrationWindows(tokens.length, { sequences, tokens: wanted, seed });
    if (typeof cut === 'string') {
      const hint = 'Give a longer text, or shorter sequences (tokens).';
      throw failed('impossible-combination', `${basename(textPath)}: ${cut}`, hint);
    }
    return cut.map(({ start, length }) => {
      const sequence = tokens.slice(start, start + length);
      if (chunks && vocabulary.beginToken !== null) sequence[0] = vocabulary.beginToken;
      return sequence;
    });
  });
}
