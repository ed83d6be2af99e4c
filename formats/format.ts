import type { ModelFacts } from '../core/experiment/experiment.js';
import type { ArchitectureReading } from '../roofline/readers/reading.js';

/** A file or folder that is not what its format asks: the message completes "the model X is not usable: ...". */
export class FormatError extends Error {
  override readonly name: string = 'FormatError';
  /** What to do next; null = get the file again. */
  readonly hint: string | null;
  constructor(message: string, hint: string | null = null) {
    super(message);
    this.hint = hint;
  }
}

/** What a model's file says before it is loaded. */
export interface Inspected {
  readonly facts: ModelFacts;
  /** Bytes of all weight tensors, the header left out. */
  readonly weightBytes: number;
  /** The file says that its weights are random, so it has a speed but no quality. */
  readonly randomWeights: boolean;
}

/** One entry per file format: how it is known, and what it says of a model before anything is loaded. */
export interface Format {
  /** As runners and records name it. */
  readonly name: string;
  /** For sentences: `GGUF (.gguf)`. */
  readonly title: string;
  /** A format that begins with magic bytes tells by them; null = it has none. */
  readonly magic: string | null;
  /** Whether a path is of this format by its name, or as a folder by what is in it. */
  readonly claims: (path: string) => boolean;
  /** @returns what a sweep needs. @throws FormatError, also where no runner opens the format. */
  readonly inspect: (path: string) => Inspected;
  /** @returns shapes and bits for the analytic model, or the reason. @throws FormatError when the file is damaged. */
  readonly shapes: (path: string) => ArchitectureReading;
}
