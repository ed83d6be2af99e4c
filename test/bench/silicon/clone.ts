import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Files of a clone, with a working tree or bare. */
export class Clone {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @returns null where there is none. */
  static in(folder: string, name: string): Clone | null {
    const clone = join(folder, name);
    return existsSync(clone) ? new Clone(clone) : null;
  }

  filesIn(path: string): string[] {
    return this.#git('ls-tree', '--name-only', `HEAD:${path}`).trim().split('\n');
  }

  read(path: string): string {
    return this.#git('show', `HEAD:${path}`);
  }

  #git(...args: string[]): string {
    const done = spawnSync('git', ['-C', this.#folder, ...args], { encoding: 'utf8', maxBuffer: 2 ** 28 });
    if (done.status !== 0) throw new Error(`git ${args.join(' ')} in ${this.#folder}: ${done.stderr.trim()}`);
    return done.stdout;
  }
}
