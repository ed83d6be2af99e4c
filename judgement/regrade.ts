import type { Experiment, Gates } from '../core/experiment/experiment.js';
import { gradeOf, type Severity, WARNINGS, type WarningCode, warn } from '../core/result/warnings.js';
import { profileOf } from '../core/runners/server/index.js';
import { knownBefore, sharedByOptions } from '../core/serving/prefix-hits.js';

/** What a grade follows from: a record, or its head, which keeps no messages, and of the experiment the gates where they are not the usual ones. */
interface Graded {
  readonly status: 'complete' | 'failed';
  readonly valid: boolean;
  readonly warnings: readonly Coded[];
  readonly measurements?: Readonly<Record<string, { readonly value: number | null } | undefined>>;
  readonly experiment?:
    | ({ readonly measure: { readonly gates?: Gates } } & Partial<Pick<Experiment, 'runner' | 'workload'>>)
    | undefined;
}

interface Coded {
  readonly code: WarningCode;
  readonly severity: Severity;
  readonly message?: string;
}

/**
 * A record, or the head of one, as today's catalogue grades it, whatever release wrote it: severities are those of the codes, and
 * `valid` says that there is no fault (under strict gates no disturbance either). Every door that records come in by calls it; behind
 * it nothing is graded again.
 * @param gates to take in place of those that it was measured under, which the result then names; left out = those.
 * @returns the same object where nothing changes.
 */
export function regraded<T extends Graded>(record: T, gates?: Gates): T {
  const { experiment } = record;
  const measured = experiment?.measure?.gates ?? 'warn';
  const under = gates ?? measured;
  const warnings = [
    ...record.warnings.map((warning) => currentWarning(warning, experiment)),
    ...missedWarnings(record),
  ];
  const valid = record.status === 'complete' && gradeOf(warnings, under) !== 'invalid';
  if (
    under === measured &&
    valid === record.valid &&
    warnings.length === record.warnings.length &&
    warnings.every((warning, i) => warning === record.warnings[i])
  ) {
    return record;
  }
  if (under === measured) return { ...record, warnings, valid };
  const measure = { ...experiment?.measure, gates: under };
  return { ...record, warnings, valid, experiment: { ...experiment, measure } };
}

/** @returns whether the server of an experiment was made to give answers of the lengths that the sweep says. */
export function forcesLengths({ runner, workload }: Pick<Experiment, 'runner' | 'workload'>): boolean {
  const forced = profileOf(runner.kind)?.exactLength ?? {};
  return workload.options.exactLength === true && Object.keys(forced).length > 0;
}

/** @returns a warning of any release by its name and severity of today. */
function currentWarning(warning: Coded, experiment: Graded['experiment']): Coded {
  const code = codeOf(warning, experiment);
  // A code that a newer release made is what that said it is.
  const { severity } = Object.hasOwn(WARNINGS, code) ? WARNINGS[code] : warning;
  return code === warning.code && severity === warning.severity ? warning : { ...warning, code, severity };
}

/** What releases before did not look for, as far as a record says it without what it was computed from. */
function missedWarnings({ warnings, measurements, experiment }: Graded): Coded[] {
  const hits = measurements?.prefixCacheHitRatio?.value ?? null;
  if (hits === null || warnings.some(({ code }) => code === 'prompts-known')) return [];
  const shared = sharedByOptions(experiment?.workload?.options ?? {});
  const told = shared === null ? null : knownBefore(hits, shared);
  return told === null ? [] : [warn('prompts-known', told)];
}

/** Two codes of before said what are two things now. */
function codeOf({ code, message = '' }: Coded, experiment: Graded['experiment']): WarningCode {
  if (code === 'power-throttle' && message.includes('power cap') && !message.includes('power brake')) {
    return 'power-cap';
  }
  const { runner, workload } = experiment ?? {};
  const forced = runner !== undefined && workload !== undefined && forcesLengths({ runner, workload });
  return code === 'length-mismatch' && forced ? 'length-forced' : code;
}
