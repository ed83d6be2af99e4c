import type { ModelFacts } from '../core/experiment/experiment.js';
import type { ModelFormat } from '../core/models/formats.js';
import type { ArchitectureReading } from '../roofline/readers/reading.js';

/**
 * A file or folder that is not what its format asks: the message completes "the model X is not usable: ...".
 */
export class FormatError extends Error {
  override readonly name: string = 'FormatError';
  /** What to do next; null = get the file again. */
  readonly hint: string | null;
  constructor(message: string, hint: string | null = null) {
    super(message);
    this.hint = hint;
  }
}

/** A damaged name must not fill the screen or steer the terminal. */
export function shown(name: string): string {
  const printable = name.replace(/[^\x20-\x7e]/g, '?');
  return printable.length > 60 ? `${printable.slice(0, 57)}...` : printable;
}

/** What a model says before it is loaded. */
export interface Inspected {
  readonly facts: ModelFacts;
  /** Bytes of all weight tensors, headers left out; null = the format says it only to who reads all of it. */
  readonly weightBytes: number | null;
  /** The file says that its weights are random, so it has a speed but no quality. */
  readonly randomWeights: boolean;
}

/** A tensor as the format has it. */
export interface ListedTensor {
  readonly name: string;
  readonly type: string;
  /** In the order in which the format counts dimensions. */
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** What people want to see of a model beside its facts; null = it is not there. */
export interface ModelDetails {
  readonly tensors: readonly ListedTensor[];
  readonly license: string | null;
  /** The kind that the format names: `gpt2`, `BPE`. */
  readonly tokenizer: string | null;
  /** Jinja, as the publisher wrote it. */
  readonly chatTemplate: string | null;
}

/** The beginning of a file that is elsewhere. */
export interface Front {
  /** As its server calls it. */
  readonly path: string;
  readonly front: Buffer;
  /** What the whole file has. */
  readonly fileBytes: number;
}

/** The header of one of the fronts, by its index, goes on behind it. */
export interface GoesOn {
  readonly goesOn: number;
}

/** A header that is read over a network, without what follows it. */
export interface Peek {
  /** No header is longer. */
  readonly mostBytes: number;
  /** @param fronts of all files that a model is in, in order. @throws FormatError */
  readonly inspect: (fronts: readonly Front[]) => Inspected | GoesOn;
}

/** The files of a model that is a folder, by their names in it. */
export interface FolderParts {
  /** @returns those that a model is of, of all that lie there; null where they are no model. */
  readonly choose: (names: readonly string[]) => readonly string[] | null;
  /** Whether a header of it is needed to look at a model. */
  readonly looked: (name: string) => boolean;
}

/** One entry per file format: how it is known, and what it says of a model before anything is loaded. */
export interface Format {
  readonly name: ModelFormat;
  /** For sentences: `GGUF (.gguf)`. */
  readonly title: string;
  /** What a model of it is; files inside of a folder that is one are no models of their own. */
  readonly unit: 'file' | 'folder';
  /** A format that begins with magic bytes tells by them; null = it has none. */
  readonly magic: string | null;
  /** Whether a path is of this format by its name or by what is in it. */
  readonly claims: (path: string) => boolean;
  /** @returns the files that a model follows from, which are what its digest is of. */
  readonly files: (path: string) => readonly string[];
  /**
   * @returns files that belong to a model which is a file, and are no models of their own: by their names,
   *   for a list of many models looks into each once.
   */
  readonly companionFiles: (path: string) => readonly string[];
  /** @returns what a sweep needs. @throws FormatError */
  readonly inspect: (path: string) => Inspected;
  /** @returns what `ridge models` shows of one model. @throws FormatError */
  readonly details: (path: string) => ModelDetails;
  /**
   * @returns shapes and bits for the analytic model, or the reason.
   * @throws FormatError when the file is damaged.
   */
  readonly shapes: (path: string) => ArchitectureReading;
  /**
   * How it is looked at before it is fetched; null = it cannot be fetched. Of a model that is one file the
   * first bytes have to tell it.
   */
  readonly peek: Peek | null;
  /**
   * Of a model that is a folder: which of its files belong to it, and which of those are read before it is
   * fetched; null = a model is one file.
   */
  readonly parts: FolderParts | null;
}
