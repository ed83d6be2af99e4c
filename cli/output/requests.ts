import { requestsOf } from '../../core/serving/record.js';
import type { Exporter } from './exporter.js';

/** What a load generator stamped, raw, each request in a line: all figures of a served row follow from it. */
export const requests: Exporter = (report) => {
  const lines: string[] = [];
  let unserved = 0;
  for (const { experimentId: experiment, number: row, axes, starts } of report.rows) {
    if (starts.every(({ serving }) => serving === undefined)) unserved += 1;
    for (const [start, { trialId: trial, serving }] of starts.entries()) {
      if (serving === undefined) continue;
      const whose = { experiment, trial, row, start, axes };
      for (const request of requestsOf(serving.requests))
        lines.push(`${JSON.stringify({ ...whose, ...request })}\n`);
    }
  }
  const rows = unserved === 1 ? 'row was' : 'rows were';
  const notes = unserved === 0 ? [] : [`${unserved} ${rows} left out: no server was asked`];
  return { text: lines.join(''), notes };
};
