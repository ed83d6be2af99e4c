import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { cases } from '../support/cases.js';
import { sharedFolder } from '../support/folder.js';
import { modelPath } from './loading.js';

interface Outcome {
  readonly outcome: 'ran' | 'failed' | 'died' | 'hung';
  readonly code: string | null;
  readonly message: string | null;
}

/**
 * Loading any of these files takes some tens of milliseconds of a processor: what is not done by then is
 * never done.
 */
const HANGS_MILLISECONDS = 45_000;

/** Loads files in a child, and starts another child when one dies of a file. */
class Loader {
  #child: ChildProcess | null = null;
  deaths = 0;

  async #started(): Promise<ChildProcess> {
    if (this.#child !== null) return this.#child;
    this.#child = fork(join(import.meta.dirname, 'load-and-run.ts'), {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    await once(this.#child, 'message');
    return this.#child;
  }

  async load(path: string): Promise<Outcome> {
    const child = await this.#started();
    return await new Promise((resolve) => {
      const done = (outcome: Outcome): void => {
        clearTimeout(timer);
        child.removeAllListeners();
        if (outcome.outcome === 'died' || outcome.outcome === 'hung') {
          this.deaths += 1;
          this.#child = null;
        }
        resolve(outcome);
      };
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        done({ outcome: 'hung', code: null, message: null });
      }, HANGS_MILLISECONDS);
      child.once('message', (message) => done(message as Outcome));
      child.once('exit', (code, signal) =>
        done({ outcome: 'died', code: signal ?? String(code), message: null }),
      );
      child.send({ path });
    });
  }

  close(): void {
    this.#child?.kill('SIGKILL');
  }
}

const folder = sharedFolder();
const loader = new Loader();
afterAll(() => loader.close());

const original = readFileSync(modelPath('tiny'));
let count = 0;
/** A file of its own each time: the engine maps files into memory, and changing a mapped one kills it. */
const loadBytes = async (bytes: Buffer): Promise<Outcome> => {
  const path = join(folder, `${count++}.gguf`);
  writeFileSync(path, bytes);
  const outcome = await loader.load(path);
  rmSync(path);
  return outcome;
};

describe('damaged model files, in a child', () => {
  test('an intact copy runs', async () => {
    const path = join(folder, 'intact.gguf');
    copyFileSync(modelPath('tiny'), path);
    expect(await loader.load(path)).toMatchObject({ outcome: 'ran' });
  });

  test('a file cut off anywhere is unreadable, with the reason', async () => {
    for (const share of [0, 0.0001, 0.001, 0.02, 0.05, 0.3, 0.7, 0.999]) {
      const outcome = await loadBytes(original.subarray(0, Math.floor(original.length * share)));
      expect(outcome, `cut at ${share}`).toMatchObject({ outcome: 'failed', code: 'model-unreadable' });
      expect(outcome.message).toMatch(/^llama\.cpp cannot load \d+\.gguf: .+\.$/);
    }
  });

  test('another architecture is unsupported, and named', async () => {
    const bytes = Buffer.from(original);
    const at = bytes.indexOf('llama', bytes.indexOf('general.architecture'));
    bytes.write('mumbl', at);
    const outcome = await loadBytes(bytes);
    expect(outcome).toMatchObject({ outcome: 'failed', code: 'model-unsupported' });
    expect(outcome.message).toContain("unknown model architecture: 'mumbl'");
  });

  test('whatever bytes of the header are changed, there is an outcome and this process lives', async () => {
    let state = 12_345;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const header = original.indexOf('tokenizer.ggml.tokens');
    const outcomes: Record<string, number> = {};
    const tried = cases(200);
    for (let i = 0; i < tried; i++) {
      const bytes = Buffer.from(original);
      for (let n = 1 + random(3); n > 0; n--) bytes[random(header)] = random(256);
      const { outcome } = await loadBytes(bytes);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    }
    expect(Object.values(outcomes).reduce((a, b) => a + b, 0)).toBe(tried);
    // Most changes must be refused in words: a child that always died would pass otherwise.
    expect(outcomes.failed ?? 0).toBeGreaterThan(tried / 2);
    expect(outcomes.hung ?? 0).toBe(0);
  }, 120_000);
});
