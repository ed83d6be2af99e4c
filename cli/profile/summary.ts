import { toFailure } from '../../core/errors.js';
import { formatPercent, formatValue } from '../../core/metrics/format.js';
import { type ProfiledPhase, type ProfileRecord, profileCost } from '../../core/result/profile-record.js';
import { runnerNamed } from '../../core/runners/index.js';
import { operatorsOf, type PhaseWork, phaseWork } from '../../core/work/phase-work.js';
import { formatOf } from '../../formats/index.js';
import { costlyPhases } from '../../judgement/profile-cost.js';
import { rateText } from '../../report/roofline.js';
import { type ModuleRow, moduleRows } from '../../roofline/profile/table.js';
import { plainTable } from '../output/plain-table.js';
import { printData, printJson, say } from '../output/print.js';
import type { ProfileOptions } from './command.js';

export interface Profiled {
  readonly source: string;
  readonly path: string;
  readonly runnerKind: string;
  readonly threads: number;
  readonly options: ProfileOptions;
  readonly profile: ProfileRecord;
}

/** Prints what was timed: a table for each phase and what looking on cost, or JSON. */
export function report(profiled: Profiled, json: boolean): void {
  const { source, path, threads, options, profile } = profiled;
  const works = workOf(profiled);
  const phases = profile.phases.map((phase) => {
    const work = works.find(({ name }) => name === phase.name);
    const modules =
      work === undefined
        ? moduleRows(phase, null)
        : moduleRows(phase, operatorsOf(work), phase.tokens / work.tokens);
    return { ...phase, cost: profileCost(phase), modules };
  });
  if (json) {
    const { promptTokens, generateTokens, parallel, depth } = options;
    printJson({
      schema: 'ridgepoint.dev/profile/v1',
      model: { source, path },
      threads,
      workload: { promptTokens, generateTokens, parallel, contextDepth: depth },
      rounds: profile.rounds,
      phases,
      warnings: costlyPhases(profile),
    });
    return;
  }
  const tables = phases.map(
    (phase) =>
      `${heading(phase)}\n${options.operators ? operators(phase, phase.modules) : modules(phase.modules)}`,
  );
  printData(tables.join('\n\n'));
  for (const sentence of costlyPhases(profile)) say(`note: ${sentence}`);
}

function heading(phase: ProfiledPhase): string {
  const { name, tokens, passes, plainSeconds, profiledSeconds } = phase;
  const what = name === 'prefill' ? `${tokens} tokens` : `${passes} steps of ${tokens / passes}`;
  const times = `${formatValue(plainSeconds, 's')} as it runs, ${formatValue(profiledSeconds, 's')} looked into`;
  return `${name}, ${what}: ${times} (${profileCost(phase) >= 0 ? '+' : ''}${formatPercent(profileCost(phase))})`;
}

/** What the phases ask; empty for an architecture whose work is not counted. */
function workOf({ path, runnerKind, threads, options }: Profiled): PhaseWork[] {
  const read = formatOf(path).shapes(path);
  const counting = runnerNamed(runnerKind)?.counting;
  if (!read.ok || counting?.by !== 'pass') return [];
  const { promptTokens, generateTokens, parallel: sequences, depth: contextDepth } = options;
  try {
    return phaseWork(
      read.architecture,
      { threads },
      { promptTokens, generateTokens, sequences, contextDepth },
      counting.engine,
    );
  } catch (error) {
    say(`note: ${toFailure(error).message}`);
    return [];
  }
}

function modules(rows: readonly ModuleRow[]): string {
  const rate = (value: number | null, unit: 'FLOP/s' | 'B/s') =>
    value === null ? null : rateText(value, unit);
  return plainTable(
    ['module', 'calls', 'time', 'share', 'compute', 'memory', 'FLOP/byte'],
    rows.map(({ module, calls, seconds, share, flopsPerSecond, bytesPerSecond, intensity }) => [
      module,
      calls,
      formatValue(seconds, 's'),
      formatPercent(share),
      rate(flopsPerSecond, 'FLOP/s'),
      rate(bytesPerSecond, 'B/s'),
      intensity === null ? null : intensity.toPrecision(3),
    ]),
  );
}

function operators(phase: ProfiledPhase, rows: readonly ModuleRow[]): string {
  const hasWork = phase.operators.some(({ bytes }) => bytes !== undefined);
  const rate = (value: number | undefined, seconds: number, unit: 'FLOP/s' | 'B/s') =>
    value === undefined || seconds === 0 ? null : rateText(value / seconds, unit);
  const around = rows.filter(({ module }) => module === 'around');
  const blanks = hasWork ? [null, null, null] : [];
  return plainTable(
    [
      ...['module', 'operator', 'operation', 'calls', 'time', 'share'],
      ...(hasWork ? ['compute', 'memory', 'inputs'] : []),
    ],
    [
      ...[...phase.operators]
        .sort((a, b) => b.seconds - a.seconds)
        .map(({ module, operator, op, calls, seconds, bytes, flops, shape }) => [
          module,
          operator,
          op,
          calls,
          formatValue(seconds, 's'),
          formatPercent(seconds / phase.profiledSeconds),
          ...(hasWork ? [rate(flops, seconds, 'FLOP/s'), rate(bytes, seconds, 'B/s'), shape ?? null] : []),
        ]),
      ...around.map(({ module, calls, seconds, share }) => [
        module,
        'between operators',
        null,
        calls,
        formatValue(seconds, 's'),
        formatPercent(share),
        ...blanks,
      ]),
    ],
  );
}
