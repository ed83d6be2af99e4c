import { dirname, resolve } from 'node:path';
import { FailureError } from '../../../core/errors.js';
import type { ModelRef } from '../../../core/experiment/experiment.js';
import type { ModelArchitecture } from '../../../core/work/architecture.js';
import { publishedShapes } from '../../../roofline/configs/index.js';
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
    const found = publishedShapes({ name, source });
    if (found !== null) return { architecture: found.architecture, byName: found.name };
    return `${error.failure.message}, and no published model is called ${name}`;
  }
}
