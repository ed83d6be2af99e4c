import type { TrainingProgress } from '../../agent/workloads/workload.js';
import { printable } from '../../core/input/printable.js';
import type { ProgressStream } from '../output/progress-writer.js';

/** Elsewhere than on a terminal the loss is reported this often, at most. */
const LINES = 10;

/** Says how training goes: one line kept up to date on a terminal, some lines elsewhere. */
export class TrainingLine {
  readonly #stream: ProgressStream;
  #reported = 0;

  constructor(stream: ProgressStream) {
    this.#stream = stream;
  }

  update({ step, steps, loss, evalLoss }: TrainingProgress): void {
    if (loss === null) {
      if (evalLoss !== null) this.note(`held-out loss after ${step} steps: ${evalLoss.toFixed(4)}`);
      return;
    }
    const text = `step ${step}/${steps}  loss ${loss.toFixed(4)}`;
    if (this.#stream.isTTY === true) {
      this.#stream.write(`\r\x1b[K${text}`);
      return;
    }
    if (step !== 1 && step !== steps && step < this.#reported + steps / LINES) return;
    this.#reported = step;
    this.#stream.write(`${text}\n`);
  }

  /** A line that stays. */
  note(text: string): void {
    this.end();
    this.#stream.write(`${printable(text)}\n`);
  }

  end(): void {
    if (this.#stream.isTTY === true) this.#stream.write('\r\x1b[K');
  }
}
