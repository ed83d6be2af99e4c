import { blockOf, driftOf } from '../../core/judgement/drift.js';
import type { ResultRecord } from '../../core/result/result.js';
import type { Warning } from '../../core/result/warnings.js';
import { insertByTime } from './entry.js';

interface Block {
  readonly records: ResultRecord[];
  warnings: readonly Warning[];
}

const NONE: readonly Warning[] = [];

/** What the drift controls say, block by block: only blocks in which something came are compared again. */
export class DriftTally {
  readonly #blocks = new Map<string, Block>();
  readonly #keys = new Map<ResultRecord, string>();
  readonly #touched = new Set<Block>();

  add(record: ResultRecord): void {
    const key = blockOf(record);
    const block = this.#blocks.get(key) ?? { records: [], warnings: NONE };
    insertByTime(block.records, record);
    this.#blocks.set(key, block);
    this.#keys.set(record, key);
    this.#touched.add(block);
  }

  /** @returns the records of the blocks whose drift is another than before. */
  settle(): readonly ResultRecord[] {
    const changed: ResultRecord[] = [];
    for (const block of this.#touched) {
      const [first] = block.records;
      const warnings = (first && driftOf(block.records).get(first.trialId)) ?? NONE;
      // A new last control says new figures; without one the sentence stays.
      if (warnings.map((w) => w.message).join() === block.warnings.map((w) => w.message).join()) continue;
      block.warnings = warnings;
      changed.push(...block.records);
    }
    this.#touched.clear();
    return changed;
  }

  /** @returns what is said of a trial's block. */
  of(record: ResultRecord): readonly Warning[] {
    return this.#blocks.get(this.#keys.get(record) ?? '')?.warnings ?? NONE;
  }
}
