import { userInfo } from 'node:os';
import type { ControlConnection } from '../../proto/client.js';
import { withCoordinator } from '../connection.js';
import { EXIT } from '../exit.js';
import { printData, printJson, say } from '../output/print.js';
import { openSweep } from '../sweep-file.js';
import { watchSweep } from '../watch/watch.js';
import type { SubmitOptions } from './command.js';

/** Hands a sweep to a coordinator and prints its id; with --watch stays until it is finished. */
export async function submit(file: string, options: SubmitOptions): Promise<number> {
  const { document, sweep } = openSweep(file);
  return await withCoordinator(options, async (control: ControlConnection) => {
    const accepted = await control.submitSweep({
      document,
      modelsJson: '',
      submitter: userInfo().username,
      retryFailed: options.retryFailed === true,
    });
    if (options.json === true) printJson(accepted);
    else printData(accepted.sweepId);
    const impossible = accepted.impossible > 0 ? `, ${accepted.impossible} left out as impossible` : '';
    say(
      accepted.created
        ? `${sweep.name}: ${accepted.points} experiments accepted${impossible}`
        : `${sweep.name}: this very sweep is there already; nothing new was written`,
    );
    if (options.watch !== true) return EXIT.ok;
    return await watchSweep(control, accepted.sweepId);
  });
}
