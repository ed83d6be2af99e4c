import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Experiment } from '../../../core/experiment/experiment.js';
import { getOrMake } from '../../../core/maps.js';
import { type FoundShapes, shapesOf } from './shapes.js';

/** Files that points name, each read once. */
export class PointReader {
  readonly notes: string[] = [];
  readonly #folders: readonly string[];
  readonly #shapes = new Map<string, FoundShapes | string>();
  readonly #traces = new Map<string, string | null>();

  constructor(folders: readonly string[]) {
    this.#folders = folders;
  }

  shapes({ model }: Experiment): FoundShapes | string {
    return getOrMake(this.#shapes, `${model.name}\n${model.source}`, () => {
      const found = shapesOf(model, this.#folders);
      if (typeof found !== 'string' && found.byName !== null)
        this.notes.push(
          `the model ${model.name} is not here: its shapes are those that are published as ${found.byName}`,
        );
      return found;
    });
  }

  trace({ workload }: Experiment): string | null {
    const { trace } = workload.options;
    if (typeof trace !== 'string') return null;
    return getOrMake(this.#traces, trace, () => {
      for (const folder of ['.', ...this.#folders]) {
        try {
          return readFileSync(resolve(folder, trace), 'utf8');
        } catch {}
      }
      return null;
    });
  }
}
