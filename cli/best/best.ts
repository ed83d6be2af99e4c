import type { ResultRecord } from '../../core/result/result.js';
import { parseStoredRecord } from '../../proto/convert.js';
import { RecordDetail } from '../../proto/gen/ridgepoint/v1/control.js';
import { BestRows } from '../../report/best.js';
import { metricText } from '../../report/scale.js';
import { withCoordinator } from '../connection.js';
import { usageError } from '../exit.js';
import { printTable } from '../output/plain-table.js';
import { printJson } from '../output/print.js';
import type { BestOptions } from './command.js';

/** `ridge best`: reads the rows of all sweeps that the caller may see, and keeps those of one model. */
export async function printBest(model: string, options: BestOptions): Promise<void> {
  const { metric: by, most } = options;
  const best = new BestRows(by);
  await withCoordinator(options, async (control) => {
    const request = {
      sweepId: '',
      follow: false,
      allTrials: false,
      detail: RecordDetail.RECORD_DETAIL_ROW,
      together: true,
    };
    for await (const { recordJson, moreJson } of control.streamResults(request)) {
      for (const json of [recordJson, ...moreJson]) {
        // Most rows of a log are of other models: those need not be parsed.
        if (!json.includes(JSON.stringify(model))) continue;
        const record = parseStoredRecord(json);
        if (isOf(record, model)) best.add(record);
      }
    }
  });
  const rows = best.rows(most);
  if (rows.length === 0)
    throw usageError(
      `no valid result of the model ${model} has a number of ${by.metric}`,
      '`ridge sweeps` lists what was measured; --metric chooses another number.',
    );
  if (options.json === true) return printJson({ schema: 'ridgepoint.dev/best/v1', model, ...by, rows });
  printTable(
    ['', by.metric, 'configuration', 'node', 'device', 'engine', 'starts', 'last', 'sweeps'],
    rows.map(({ value, label, node, device, engine, starts, last, sweeps }, index) => [
      index + 1,
      metricText(by.metric, value),
      label,
      node,
      device,
      engine,
      starts,
      last.slice(0, 10),
      sweeps.join(', '),
    ]),
  );
}

function isOf({ experiment: { model } }: ResultRecord, named: string): boolean {
  return model.name === named || model.source === named || model.digest === named;
}
