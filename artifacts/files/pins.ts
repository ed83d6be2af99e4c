import { readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ownerLives, ownMark, REFRESH_MILLISECONDS } from './owner.js';
import { touched } from './used.js';

let count = 0;

/** Files of the cache that somebody needs for a while: as long as they are held, no eviction takes them. */
export class Pins {
  readonly #marks = new Set<string>();
  #refresh: NodeJS.Timeout | null = null;

  /** Call it while the file cannot be evicted: under its lock. */
  async hold(path: string): Promise<void> {
    count += 1;
    const mark = `${path}.${process.pid}-${count}.use`;
    await writeFile(mark, ownMark());
    this.#marks.add(mark);
    const touchAll = () => this.#marks.forEach(touched);
    this.#refresh ??= setInterval(touchAll, REFRESH_MILLISECONDS).unref();
  }

  async release(): Promise<void> {
    if (this.#refresh !== null) clearInterval(this.#refresh);
    this.#refresh = null;
    for (const mark of this.#marks) await rm(mark, { force: true });
    this.#marks.clear();
  }
}

/** @returns whether a living process holds the file; marks of dead ones are removed. */
export async function isHeld(path: string): Promise<boolean> {
  const folder = dirname(path);
  let held = false;
  for (const name of await readdir(folder)) {
    if (!name.startsWith(`${basename(path)}.`) || !name.endsWith('.use')) continue;
    if ((await ownerLives(join(folder, name))) === false) await rm(join(folder, name), { force: true });
    else held = true;
  }
  return held;
}
