import { type SweepStatus, sweepStateToJSON } from '../../proto/gen/ridgepoint/v1/control.js';
import { findSweep, withCoordinator } from '../connection.js';
import { printTable } from '../output/plain-table.js';
import { printData, printJson, say } from '../output/print.js';
import { whyItWaits } from '../watch/watch.js';
import type { ListOptions } from './command.js';

/** `running`, `paused`, `done`, `cancelled`, `not_resumed`. */
export function stateWord(status: SweepStatus): string {
  return sweepStateToJSON(status.state).replace('SWEEP_STATE_', '').toLowerCase();
}

/** Prints the file of a sweep as it was submitted. */
export async function printSweep(named: string, options: ListOptions): Promise<void> {
  const { document } = await withCoordinator(options, async (control) => {
    const { sweepId } = await findSweep(control, named);
    return await control.getSweep({ sweepId });
  });
  if (options.json === true) printJson({ document });
  else printData(document.trimEnd());
}

/** Prints every sweep of a coordinator, newest last. */
export async function listSweeps(options: ListOptions): Promise<void> {
  const { sweeps } = await withCoordinator(options, (control) => control.listSweeps());
  if (options.json === true)
    return printJson(sweeps.map((s) => ({ ...s, state: stateWord(s), pinned: s.pinned || null })));
  if (sweeps.length === 0) return say('no sweeps yet; submit one: `ridge submit FILE`');
  // Who has one alone need not be told.
  const several = new Set(sweeps.map(({ namespace }) => namespace)).size > 1;
  const counts = ['points', 'complete', 'disturbed', 'failed', 'invalid', 'running', 'queued'] as const;
  printTable(
    ['sweep', 'name', ...(several ? ['namespace'] : []), 'state', ...counts, 'submitted'],
    sweeps.map((s) => [
      ...[s.sweepId, s.name, ...(several ? [s.namespace] : [])],
      `${stateWord(s) === 'not_resumed' ? 'from another release, not resumed' : stateWord(s)}${s.pinned === '' ? '' : ', pinned'}`,
      ...counts.map((name) => s[name]),
      s.submittedAt,
    ]),
  );
  for (const s of sweeps) {
    for (const reason of s.blockedReasons) say(`${s.name}: ${whyItWaits(s, reason)}`);
    if (s.pinned !== '') say(`${s.name} is pinned: ${s.pinned}`);
  }
}
