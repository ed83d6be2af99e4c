import type { Baseline } from '../../coordinator/web/drift.js';
import { readRun } from '../report/run-folder.js';
import { baselines, savedBaseline } from './store.js';

const read = new Map<string, ReturnType<Baseline['records']>>();

/** @returns the baselines of this machine with their results, which are read once as long as they stay the same. */
export function readableBaselines(): Baseline[] {
  return baselines().map(({ name, savedAt }) => ({
    ...{ name, savedAt },
    records: () => {
      const key = `${name} ${savedAt}`;
      const records = read.get(key) ?? readRun(savedBaseline(name)).records;
      read.set(key, records);
      return records;
    },
  }));
}
