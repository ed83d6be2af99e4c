import { diagnoseEngines } from '../../agent/native/diagnose.js';
import { plainTable } from '../output/plain-table.js';
import { printData, printJson } from '../output/print.js';

/** `ridge engines list`: every engine and backend, whether it loads, and why not. */
export async function listEngines(options: { readonly json?: true }): Promise<void> {
  const engines = await diagnoseEngines();
  if (options.json === true) {
    printJson(engines);
    return;
  }
  printData(
    plainTable(
      ['engine', 'loads', 'what was found'],
      engines.map((e) => [e.name, e.ok ? 'yes' : 'no', e.reason]),
    ),
  );
}
