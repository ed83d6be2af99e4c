import { useMemo } from 'preact/hooks';
import { buildReport } from '../../../../report/build.js';
import type { LiveReport, LiveSweep } from '../../../../report/live/live.js';
import { unpackPart } from '../../../../report/live/pack.js';
import type { Report } from '../../../../report/report.js';
import type { OtherRun } from '../compare/comparison.js';
import { askJson, Refusal } from './api.js';
import { stamp } from './stamp.js';

/**
 * @param sweeps what the coordinator tells, several times a second
 * @returns the other sweeps of it as runs to compare with; the same list as long as there are no others
 */
export function useOtherSweeps(sweepId: string, sweeps: readonly LiveSweep[] | null): readonly OtherRun[] {
  const others = (sweeps ?? []).filter((sweep) => sweep.sweepId !== sweepId);
  const key = others.map((sweep) => sweep.sweepId).join(' ');
  return useMemo(
    () =>
      others.map(({ sweepId: id, name, submittedAt }): OtherRun => {
        const run = `${name}, ${stamp(submittedAt)}`;
        return { id, name: run, load: () => load(id, run) };
      }),
    [key],
  );
}

/** @throws Error with a sentence for people. */
async function load(sweepId: string, name: string): Promise<Report> {
  const base = await askJson<LiveReport>(
    `sweeps/${encodeURIComponent(sweepId)}/report`,
    new AbortController().signal,
  ).catch((error: unknown) => {
    if (error instanceof Refusal) throw error;
    throw new Error('The coordinator does not answer: choose the sweep again when it does.');
  });
  const report = buildReport(base.parts.flatMap(unpackPart), { ...base, sweepName: name });
  if (report.rows.length === 0) throw new Error(`${name} has no results yet: choose it again when it has.`);
  return report;
}
