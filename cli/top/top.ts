import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlConnection } from '../../proto/client.js';
import { parseNodeProfile } from '../../proto/convert.js';
import { withCoordinator } from '../connection.js';
import { printData } from '../output/print.js';
import type { TopOptions } from './command.js';
import { type Fleet, renderFleet } from './render.js';

/** Where nothing says how wide lines may be. */
const COLUMNS = 80;
/** Back to the first line, and what was drawn there goes. */
const AGAIN = '\u001b[H\u001b[J';

/** `ridge top`: until Ctrl-C on a terminal, once elsewhere. */
export async function top({ once, every, ...connection }: TopOptions): Promise<void> {
  const { isTTY, columns = COLUMNS, rows = null } = process.stdout;
  await withCoordinator(connection, async (control) => {
    if (isTTY !== true || once === true)
      return printData(renderFleet(await ask(control), isTTY === true ? columns : COLUMNS, null));
    for (;;) {
      const fleet = await ask(control);
      const { columns: wide = columns, rows: high = rows } = process.stdout;
      process.stdout.write(`${AGAIN}${renderFleet(fleet, wide, high === null ? null : high - 1)}\n`);
      await sleep(every * 1000);
    }
  });
}

async function ask(control: ControlConnection): Promise<Fleet> {
  const [{ namespaces }, { sweeps }, { nodes }] = await Promise.all([
    control.listNamespaces(),
    control.listSweeps(),
    control.listNodes(),
  ]);
  return {
    at: new Date().toISOString(),
    namespaces,
    sweeps,
    nodes: nodes.map((status) => ({ status, profile: parseNodeProfile(status.nodeProfileJson) })),
  };
}
