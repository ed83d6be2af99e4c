import { basename } from 'node:path';
import { FailureError, failure } from '../../core/errors.js';
import { calibrationWindows } from '../../core/techniques/calibration-windows.js';
import { readText } from '../artifacts/text.js';
import { withVocabulary } from '../runners/llama-cpp/open-vocabulary.js';

export interface SequencesRequest {
  /** The model whose vocabulary cuts the text. */
  readonly modelPath: string;
  readonly textPath: string;
  /** Sequences, at most. */
  readonly sequences: number;
  /** Tokens of a sequence, at most; the trained context is the other bound. */
  readonly tokens: number;
  /** Tokens the model was trained to see at once. */
  readonly contextLength: number;
  /**
   * `pruning`: a seeded choice of windows as they stand in the text, as the published code of Wanda and DSnoT cuts it.
   * `importance`: side by side from the start, BOS in place of the first token of each, as llama-imatrix does.
   */
  readonly purpose: { readonly kind: 'pruning'; readonly seed: number } | { readonly kind: 'importance' };
}

/**
 * Cuts a text into calibration sequences.
 * @throws FailureError `impossible-combination` when the text is shorter than one of them or is no UTF-8,
 * `model-unsupported` when the model has no vocabulary.
 */
export async function calibrationSequences(request: SequencesRequest): Promise<readonly Int32Array[]> {
  const { modelPath, textPath, sequences, contextLength, purpose } = request;
  const text = readText(textPath);
  const wanted = Math.min(request.tokens, contextLength);
  const forImportance = purpose.kind === 'importance';
  return await withVocabulary(modelPath, (vocabulary) => {
    const tokens = vocabulary.tokenize(text, forImportance);
    const seed = purpose.kind === 'pruning' ? purpose.seed : null;
    const windows = calibrationWindows(tokens.length, { sequences, tokens: wanted, seed });
    if (typeof windows === 'string') {
      const hint = 'Give a longer text, or shorter sequences (tokens).';
      throw new FailureError(
        failure('impossible-combination', `${basename(textPath)}: ${windows}`, { hint }),
      );
    }
    return windows.map(({ start, length }) => {
      const sequence = tokens.slice(start, start + length);
      if (forImportance && vocabulary.beginToken !== null) sequence[0] = vocabulary.beginToken;
      return sequence;
    });
  });
}
