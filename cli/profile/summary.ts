import { formatPercent, formatValue } from '../../core/metrics/format.js';
import { type ProfiledPhase, type ProfileRecord, profileCost } from '../../core/roofline/profile/record.js';
import { moduleRows } from '../../core/roofline/profile/table.js';
import type { ProfileOptions } from '../commands/profile.js';
import { plainTable } from '../output/plain-table.js';
import { printData, printJson } from '../output/print.js';

export interface Profiled {
  readonly source: string;
  readonly path: string;
  readonly threads: number;
  readonly options: ProfileOptions;
  readonly profile: ProfileRecord;
}

/** Prints what was timed: a table for each phase and what looking on cost, or JSON. */
export function report({ source, path, threads, options, profile }: Profiled, json: boolean): void {
  const phases = profile.phases.map((phase) => ({
    ...phase,
    cost: profileCost(phase),
    modules: moduleRows(phase, null),
  }));
  if (json) {
    const { promptTokens, generateTokens, parallel, depth } = options;
    printJson({
      schema: 'ridgepoint.dev/profile/v1',
      model: { source, path },
      threads,
      workload: { promptTokens, generateTokens, parallel, contextDepth: depth },
      rounds: profile.rounds,
      phases,
    });
    return;
  }
  const tables = phases.map(
    (phase) => `${heading(phase)}\n${options.operators ? operators(phase) : modules(phase)}`,
  );
  printData(tables.join('\n\n'));
}

function heading(phase: ProfiledPhase): string {
  const { name, tokens, passes, plainSeconds, profiledSeconds } = phase;
  const what = name === 'prefill' ? `${tokens} tokens` : `${passes} steps of ${tokens / passes}`;
  const times = `${formatValue(plainSeconds, 's')} as it runs, ${formatValue(profiledSeconds, 's')} looked into`;
  return `${name}, ${what}: ${times} (${profileCost(phase) >= 0 ? '+' : ''}${formatPercent(profileCost(phase))})`;
}

function modules(phase: ProfiledPhase): string {
  return plainTable(
    ['module', 'calls', 'time', 'share'],
    moduleRows(phase, null).map(({ module, calls, seconds, share }) => [
      module,
      calls,
      formatValue(seconds, 's'),
      formatPercent(share),
    ]),
  );
}

function operators(phase: ProfiledPhase): string {
  return plainTable(
    ['module', 'operator', 'operation', 'calls', 'time', 'share'],
    [...phase.operators]
      .sort((a, b) => b.seconds - a.seconds)
      .map(({ module, operator, op, calls, seconds }) => [
        module,
        operator,
        op,
        calls,
        formatValue(seconds, 's'),
        formatPercent(seconds / phase.profiledSeconds),
      ]),
  );
}
