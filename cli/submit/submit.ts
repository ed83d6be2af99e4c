import { userInfo } from 'node:os';
import { withHeadersHere } from '../../artifacts/door/open.js';
import { energyKeys } from '../../core/sweep/energy.js';
import type { ControlConnection } from '../../proto/client.js';
import { withCoordinator } from '../connection.js';
import { EXIT } from '../exit.js';
import { localModelFolders } from '../local-models.js';
import { printData, printJson, say } from '../output/print.js';
import { requireEnergy } from '../plan/energy.js';
import { fleetFor } from '../plan/places.js';
import { openSweep, readyToRun, strictSweep } from '../sweep-file.js';
import { exitCodeOf, sayAskedAgain, sayGrades, TRY_AGAIN, watchSweep } from '../watch/watch.js';
import type { SubmitOptions } from './command.js';

/** Hands a sweep to a coordinator and prints its id; with --watch stays until it is finished. */
export async function submit(file: string, options: SubmitOptions): Promise<number> {
  const opened = openSweep(file);
  const written = options.strict === true ? strictSweep(opened) : opened;
  const models = withHeadersHere(written.sweep.models, localModelFolders(file, written.sweep, []));
  const { document, sweep } = readyToRun(written, models, options.quick === true);
  return await withCoordinator(options, async (control: ControlConnection) => {
    if (energyKeys(sweep).length > 0) {
      const { nodes, name } = fleetFor(sweep, (await control.listNodes()).nodes, options);
      const unmetered = requireEnergy(sweep, nodes, name);
      if (unmetered !== null) say(`note: ${unmetered}`);
    }
    const accepted = await control.submitSweep({
      document,
      modelsJson: '',
      submitter: userInfo().username,
      retryFailed: options.retryFailed === true,
      ...(options.namespace !== undefined && { namespace: options.namespace }),
      ...(options.priority !== undefined && { priority: options.priority }),
    });
    if (options.json === true) printJson(accepted);
    else printData(accepted.sweepId);
    const impossible = accepted.impossible > 0 ? `, ${accepted.impossible} left out as impossible` : '';
    say(
      accepted.created
        ? `${sweep.name}: ${accepted.points} points accepted${impossible}`
        : `${sweep.name}: this very sweep is there already; nothing new was written`,
    );
    // Who watches is told why as well.
    if (accepted.paused && options.watch !== true)
      say(`it is paused: \`ridge resume ${accepted.sweepId}\` goes on`);
    for (const { sweepId, complete } of accepted.measuredOtherwise) {
      const rows = complete === 1 ? 'row' : 'rows';
      say(
        `sweep ${sweepId} measured ${complete} ${rows} of these points under another \`measure\`: \`ridge results ${sweepId}\` shows them`,
      );
    }
    if (options.watch !== true) return EXIT.ok;
    const status = await watchSweep(control, accepted.sweepId);
    if (sweep.quality !== null) await sayAskedAgain(control, accepted);
    sayGrades(status, TRY_AGAIN);
    return exitCodeOf(status);
  });
}
