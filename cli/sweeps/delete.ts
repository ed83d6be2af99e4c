import type { ControlConnection } from '../../proto/client.js';
import type { SweepDeletion } from '../../proto/gen/ridgepoint/v1/control.js';
import { withCoordinator } from '../connection.js';
import { CommandError, EXIT, usageError } from '../exit.js';
import { printJson, say } from '../output/print.js';
import { questioner, yesOrNo } from '../questioner.js';
import type { DeleteOptions } from './command.js';
import { sweepsNamed } from './named.js';

/**
 * Deletes sweeps with their results, after a question that --yes answers.
 * @returns the exit code: 1 where one of them stays.
 */
export async function deleteSweeps(named: readonly string[], options: DeleteOptions): Promise<number> {
  const { reason, dryRun = false, json = false, ...connection } = options;
  return await withCoordinator(connection, async (control) => {
    const sweepIds = (await sweepsNamed(control, named)).map(({ sweepId }) => sweepId);
    if (!dryRun && options.yes !== true) await confirm(control, sweepIds);
    const { sweeps } = await control.deleteSweeps({ sweepIds, reason, dryRun });
    if (json) printJson(sweeps.map(({ refusal, ...sweep }) => ({ ...sweep, refusal: refusal || null })));
    else for (const sweep of sweeps) say(becomes(sweep, dryRun ? 'would be deleted' : 'is deleted'));
    return sweeps.some(({ refusal }) => refusal !== '') ? EXIT.failed : EXIT.ok;
  });
}

/** @throws CommandError where nobody can be asked, or the answer is no. */
async function confirm(control: ControlConnection, sweepIds: string[]): Promise<void> {
  if (process.stdin.isTTY !== true)
    throw usageError(
      'sweeps are deleted for good, and nobody is here to confirm that',
      'Look with --dry-run, then give --yes.',
    );
  const { sweeps } = await control.deleteSweeps({ sweepIds, reason: '', dryRun: true });
  for (const sweep of sweeps) say(becomes(sweep, 'will be deleted'));
  if (sweeps.every(({ refusal }) => refusal !== ''))
    throw new CommandError('nothing was deleted', EXIT.failed);
  const asking = questioner(process.stdin, process.stderr, 'nothing was deleted');
  const yes = await asking.ask('Delete for good? [y/N]', yesOrNo).finally(() => asking.close());
  if (!yes) throw new CommandError('nothing was deleted', EXIT.failed);
}

function becomes({ sweepId, name, complete, refusal }: SweepDeletion, fate: string): string {
  const results = complete === 1 ? '1 result' : `${complete} results`;
  return refusal === '' ? `${name} (${sweepId}) ${fate}, with ${results}` : `${name} stays: ${refusal}`;
}
