import { choice, integer, type Setting } from './spelling.js';

/** How activations are collected: what text runs through the model, and in which order layers see it. */
export interface CalibrationSpec {
  /** `builtin:sample`, or a path below a model folder of the node. */
  readonly text: string;
  /** Sequences taken from the text, at most. */
  readonly sequences: number;
  /** Tokens of a sequence, at most; the model's own context is the other bound. */
  readonly tokens: number;
  /** `dense`: inputs of the unpruned model. `sequential`: of the layers below as pruned. */
  readonly order: 'dense' | 'sequential';
  readonly seed: number;
}

/**
 * The text that ships with Ridgepoint, written by its own small model: good for trying, not for real models.
 */
export const BUILTIN_TEXT = 'builtin:sample';

/** A text by its source. */
function textSource(fallback: string, help: string): Setting<string> {
  return {
    help,
    fallback,
    form: '`builtin:sample` or a path below a model folder',
    read: (text) => (text.length > 0 && text.length <= 1000 && !text.includes('\0') ? text : undefined),
    write: (value) => value,
  };
}

/** Settings that a word of a calibrated technique can have; published defaults (DSnoT, Wanda: 128 × 2048). */
export const CALIBRATION_SETTINGS = {
  text: textSource(BUILTIN_TEXT, 'Calibration text: `builtin:sample` or a path below a model folder.'),
  sequences: integer(1, 100_000, 128, 'Sequences of the calibration text, at most (`nsamples`).'),
  tokens: integer(
    2,
    1_048_576,
    2048,
    'Tokens of a calibration sequence; the model’s context is a bound (`seqlen`).',
  ),
  order: choice(
    ['sequential', 'dense'],
    'sequential',
    'Whether a layer is calibrated behind the pruned layers below it, as published, or in the dense model.',
  ),
  seed: integer(0, 2 ** 32 - 1, 0, 'Seed of the choice of sequences.'),
} as const;
