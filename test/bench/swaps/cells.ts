import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A model that is pruned and judged. */
export interface Cell {
  readonly modelPath: string;
  readonly outputPath: string;
  readonly word: string;
  readonly calibrationPath: string;
  /** null: only layers are judged. */
  readonly judgedPath: string | null;
  readonly windows: number;
  readonly threads: number;
}

export interface Judged {
  readonly perplexity: number | null;
  /** Mean over layers. */
  readonly relativeOutputError: number | null;
  readonly sparsity: number;
  readonly weights: number;
  readonly maskSeconds: number;
}

/** A process that prunes and judges one cell after the other. */
export class CellChild {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor() {
    const script = join(import.meta.dirname, 'cell-child.ts');
    this.#child = spawn(process.execPath, ['--import', 'tsx', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  async judge(cell: Cell): Promise<Judged> {
    this.#child.stdin!.write(`${JSON.stringify(cell)}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`pruning ${cell.word} ended without an answer`);
    return JSON.parse(value) as Judged;
  }

  end(): void {
    this.#child.stdin!.end();
  }
}
