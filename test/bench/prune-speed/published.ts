import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Mask } from '../../../core/techniques/pruning/mask.js';
import type { DumpedLayer } from './layers.js';

/** What the published side needs and does not find. */
export function lacking(): string[] {
  const python = process.env.RIDGEPOINT_PYTHON ?? '';
  const source = process.env.RIDGEPOINT_DSNOT_SOURCE ?? '';
  return [
    ...(existsSync(join(source, 'lib/prune.py'))
      ? []
      : ['RIDGEPOINT_DSNOT_SOURCE, a checkout of github.com/zyxxmu/DSnoT']),
    ...(existsSync(python) ? [] : ['RIDGEPOINT_PYTHON, a Python with torch and numpy']),
  ];
}

/** The published code in a process that keeps its weights between runs. */
export class Published {
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(folder: string, threads: number) {
    this.#folder = folder;
    const script = join(import.meta.dirname, 'published.py');
    const args = [script, process.env.RIDGEPOINT_DSNOT_SOURCE!, folder, String(threads)];
    this.#child = spawn(process.env.RIDGEPOINT_PYTHON!, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** Runs the mask step of all layers once. @returns the seconds that the published code counts. */
  async run(masks: boolean): Promise<number> {
    this.#child.stdin!.write(masks ? 'masks\n' : 'run\n');
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('the published code ended without an answer');
    return (JSON.parse(value) as { seconds: number }).seconds;
  }

  /** The mask of a layer after a run with masks. */
  mask({ rows, columns, mask }: DumpedLayer): Mask {
    const bits = new Uint8Array(readFileSync(join(this.#folder, mask)));
    return { rows, columns, rowBytes: Math.ceil(columns / 8), bits };
  }

  end(): void {
    this.#child.stdin!.end();
  }
}
