import { METRICS } from '../../../core/metrics/catalogue.js';
import { metricValue, type ResultRecord } from '../../../core/result/result.js';
import { buildReport } from '../../../report/build.js';
import type { LiveReport, LiveSweep } from '../../../report/live/live.js';
import { unpackPart } from '../../../report/live/pack.js';
import { metricOf } from '../../../report/rows.js';
import type { Prometheus } from '../../support/services.js';

export interface Compared {
  readonly compared: number;
  /** A sentence for each number that differs. */
  readonly different: readonly string[];
}

/** Holds what Prometheus stored against the records: every metric of every one, those that are missing as well. */
export async function storedDifferences(
  prometheus: Prometheus,
  records: readonly ResultRecord[],
): Promise<Compared> {
  const different: string[] = [];
  let compared = 0;
  for (const { name, prometheus: series } of METRICS) {
    const found = await prometheus.query(`ridgepoint_${series}{job="coordinator"}`);
    for (const record of records) {
      const expected = metricValue(record, name);
      const stored = found.find(({ labels }) => labels.experiment === record.experimentId)?.value ?? null;
      compared += 1;
      if (stored !== expected)
        different.push(`${record.experimentId} ${name}: ${stored} instead of ${expected}`);
    }
  }
  return { compared, different };
}

/** Holds what the web view builds its rows from against the records. */
export async function viewDifferences(url: string, records: readonly ResultRecord[]): Promise<Compared> {
  const get = async <T>(path: string) => (await (await fetch(`${url}/api/v1/${path}`)).json()) as T;
  const different: string[] = [];
  let compared = 0;
  const { sweeps } = await get<{ sweeps: LiveSweep[] }>('sweeps');
  for (const { sweepId, complete, invalid, failed } of sweeps) {
    const own = records.filter(({ sweep }) => sweep.id === sweepId);
    if (complete + invalid + failed !== own.length) {
      different.push(
        `${sweepId}: ${complete + invalid + failed} points are settled, and there are ${own.length} records`,
      );
    }
    const live = await get<LiveReport>(`sweeps/${sweepId}/report`);
    const { rows } = buildReport(live.parts.flatMap(unpackPart), live);
    if (rows.length !== own.length)
      different.push(`${sweepId}: ${rows.length} rows of ${own.length} records`);
    for (const row of rows) {
      const record = own.find(({ experimentId }) => experimentId === row.experimentId);
      for (const { name } of METRICS) {
        const expected = record === undefined ? null : metricValue(record, name);
        const view = metricOf(row, name);
        compared += 1;
        if (view !== expected) different.push(`${row.experimentId} ${name}: ${view} instead of ${expected}`);
      }
    }
  }
  return { compared, different };
}
