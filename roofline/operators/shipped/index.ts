import type { OperatorTimes } from '../../../core/work/operator-call.js';
import type { Hardware } from '../../hardware/figure.js';
import type { OperatorFactors } from '../factors-file.js';
import { OperatorTables, timesFrom } from '../times.js';
import a100 from './a100-80gb.json' with { type: 'json' };
import b200 from './b200.json' with { type: 'json' };
import b300 from './b300.json' with { type: 'json' };
import gb200 from './gb200.json' with { type: 'json' };
import gb300 from './gb300.json' with { type: 'json' };
import h100 from './h100.json' with { type: 'json' };
import h200 from './h200.json' with { type: 'json' };
import l40s from './l40s.json' with { type: 'json' };
import rtxPro6000 from './rtx-pro-6000.json' with { type: 'json' };

/** Factors that the package has, written by scripts/write-operator-factors.ts. */
export const SHIPPED = [a100, h100, h200, b200, b300, gb200, gb300, l40s, rtxPro6000] as OperatorFactors[];

let tables: OperatorTables | null = null;

/**
 * @param engine `vllm`, `sglang` or `trtllm`; others take the nearest's tables, with a wider spread.
 * @param release left out = that of the tables.
 * @returns how long operators take on a device, from the factors of the package.
 */
export function timesOn(device: Hardware, engine: string, release: string | null = null): OperatorTimes {
  tables ??= new OperatorTables(SHIPPED);
  return timesFrom(tables, device, engine, release);
}
