import type { Inspected } from '../../../formats/format.js';
import type { Job } from '../../../process/isolation/job.js';
import type { ArchitectureReading } from '../../../roofline/readers/reading.js';

/** A model that is to be looked at, without its weights. */
export interface LookRequest {
  readonly path: string;
  /** What it is called, for sentences. */
  readonly source: string;
  /** The folders that its files have to lie in; null = anywhere. */
  readonly modelFolders: readonly string[] | null;
}

/** What a model's headers and its config say. */
export interface Look {
  /** All that it is of. */
  readonly files: readonly string[];
  readonly inspected: Inspected;
  readonly shapes: ArchitectureReading;
}

/** Reads what a stranger wrote: in a child, so that whatever it makes a parser do ends with that. */
export const LOOK: Job<LookRequest, Look> = {
  name: 'look',
  what: 'reading the headers and the config of the model',
  run: async (request) => (await import('./look.js')).look(request),
};
