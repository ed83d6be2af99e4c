import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileName } from './file-name.js';

/** A machine that is never quiet would otherwise pay for another try before every run. */
const MOST = 3;

/** How often in a row measuring again came to nothing, device by device: what is kept on disk so that nobody tries for ever. */
export class Tries {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * @param under what it was tried under: with something else, counting begins anew.
   * @returns how often it was tried, and whether that was often enough: then it is left to whoever asks for it by hand.
   */
  async of(deviceId: string, under: string): Promise<{ readonly count: number; readonly over: boolean }> {
    const noted = await readFile(this.#path(deviceId), 'utf8').catch(() => '');
    const cut = noted.lastIndexOf(' ');
    const count = noted.slice(0, cut) === under ? Number(noted.slice(cut)) : 0;
    return { count, over: count >= MOST };
  }

  /** A note that cannot be written costs another try, and nothing else. */
  async note(deviceId: string, under: string): Promise<void> {
    const { count } = await this.of(deviceId, under);
    await mkdir(this.#folder, { recursive: true })
      .then(() => writeFile(this.#path(deviceId), `${under} ${count + 1}`))
      .catch(() => {});
  }

  async forget(deviceId: string): Promise<void> {
    await rm(this.#path(deviceId), { force: true });
  }

  #path(deviceId: string): string {
    return join(this.#folder, `${fileName(deviceId)}.tries`);
  }
}
