import type { ControlConnection } from '../../proto/client.js';
import type { SweepStatus } from '../../proto/gen/ridgepoint/v1/control.js';
import { usageError } from '../exit.js';

/**
 * What is deleted or pinned is named without doubt.
 * @returns each sweep once.
 * @throws CommandError (2) when nothing has one of the names, or several sweeps have.
 */
export async function sweepsNamed(
  control: ControlConnection,
  named: readonly string[],
): Promise<SweepStatus[]> {
  const { sweeps } = await control.listSweeps();
  return [...new Set(named.map((one) => theSweep(sweeps, one)))];
}

function theSweep(known: readonly SweepStatus[], named: string): SweepStatus {
  const byId = known.find(({ sweepId }) => sweepId === named);
  if (byId !== undefined) return byId;
  const found = known.filter(({ sweepId, name }) => name === named || sweepId.startsWith(named));
  const [sweep, ...others] = found;
  if (sweep === undefined) throw usageError(`there is no sweep ${named}`, '`ridge sweeps` lists them.');
  if (others.length === 0) return sweep;
  const ids = found.map(({ sweepId }) => sweepId).join(', ');
  throw usageError(`${named} can be any of ${found.length} sweeps`, `Name one by its id: ${ids}.`);
}
