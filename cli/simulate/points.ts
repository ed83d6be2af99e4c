import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServingOptions } from '../../batching/load.js';
import type { PredictedServer } from '../../batching/predicted-server.js';
import { fileProblem } from '../../core/input/file-problem.js';

/** A load on a server, before anything is simulated. */
export interface Point {
  /** What it differs in from the others. */
  readonly label: string;
  readonly options: ServingOptions;
  /** The text of the trace that the options name. */
  readonly trace: string | null;
  readonly predicted: PredictedServer;
}

/** A point that nothing can be said of. */
export interface LeftOut {
  readonly label: string;
  /** In sentences or clauses. */
  readonly reason: string;
}

export interface Points {
  readonly points: readonly Point[];
  readonly leftOut: readonly LeftOut[];
}

/** Reads traces from where they lie, each once. */
export class Traces {
  readonly #folders: readonly string[];
  readonly #texts = new Map<string, string | { readonly problem: string }>();

  /** @param folders that names are looked for in. */
  constructor(folders: readonly string[]) {
    this.#folders = folders;
  }

  /** @returns its text, or why it cannot be read. */
  read(name: string): string | { readonly problem: string } {
    const known = this.#texts.get(name);
    if (known !== undefined) return known;
    const found = this.#open(name);
    this.#texts.set(name, found);
    return found;
  }

  #open(name: string): string | { readonly problem: string } {
    let problem: unknown;
    for (const path of [name, ...this.#folders.map((folder) => join(folder, name))]) {
      try {
        return readFileSync(path, 'utf8');
      } catch (error) {
        problem ??= error;
      }
    }
    return { problem: `the trace ${name} cannot be read: ${fileProblem(problem)}` };
  }
}
