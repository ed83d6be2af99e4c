import { dirname, resolve } from 'node:path';
import { FailureError } from '../../../core/errors.js';
import type { ModelRef } from '../../../core/experiment/experiment.js';
import { withoutEnding } from '../../../core/models/formats.js';
import type { ModelArchitecture } from '../../../core/work/architecture.js';
import { namedArchitecture } from '../../../roofline/configs/index.js';
import { openArchitecture } from '../../roofline/open-model.js';

/** What a model is made of, and where that is said. */
export interface FoundShapes {
  readonly architecture: ModelArchitecture;
  /** It is not here: its shapes are those that are published under its name. */
  readonly byName: string | null;
}

/**
 * Finds the shapes of a model of a sweep, which need not be here: who plans for a node that is not rented yet
 * seldom has it.
 * @returns in one clause why nobody knows them.
 */
export function shapesOf({ name, source }: ModelRef, modelFolders: readonly string[]): FoundShapes | string {
  try {
    const architecture = openArchitecture(source, [...modelFolders, dirname(resolve(source))]);
    return { architecture, byName: null };
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    for (const known of namesFor(name, source)) {
      const reading = namedArchitecture(known);
      if (reading.ok) return { architecture: reading.architecture, byName: known };
    }
    return `${error.failure.message}, and no published model is called ${name}`;
  }
}

/** What it may be published as: its repository, the end of its path, and what the sweep calls it. */
function namesFor(name: string, source: string): string[] {
  const place = withoutEnding(source.replace(/^[a-z][a-z0-9+.-]*:/, '').replace(/\/+$/, ''));
  const [repository = place] = place.split(':');
  const last = repository.split('/').at(-1) ?? repository;
  return [...new Set([repository, last, last.replace(/-instruct$/i, ''), name])];
}
