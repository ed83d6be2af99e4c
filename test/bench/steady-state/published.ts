import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Direction, Watched } from '../../../core/serving/steady-state.js';
import type { Run } from './runs.js';

/** What both sides say of a run. */
export interface Verdict {
  readonly superPasses: number;
  readonly warmUp: number;
  readonly found: boolean;
  readonly plateaus: readonly (readonly [start: number, end: number])[];
  /** The reported plateau, or the longest where all are too short. */
  readonly window: readonly [start: number, end: number] | null;
  readonly seconds: number | null;
  readonly required: number | null;
  readonly because: string | null;
  readonly shiftBefore: number | null;
  readonly shift: number | null;
  readonly trends: Readonly<Record<Watched, Direction>>;
}

/** @returns what is missing to ask the published code, or null. */
export function lacking(): string | null {
  const source = process.env.RIDGEPOINT_STEADY_STATE;
  if (source !== undefined && existsSync(source)) return null;
  return 'RIDGEPOINT_STEADY_STATE, steady_state_diagnostics.py of github.com/mlcommons/endpoints (and RIDGEPOINT_PYTHON, a Python with PyYAML, unless python3 has it)';
}

/** The event log of a run, as the published client writes it. */
export function writeLog(path: string, { requests }: Run): void {
  const events = requests.flatMap(({ index, dispatched, firstToken, done, chunks }) => {
    const event = (type: string, seconds: number, rest = {}) => ({
      event_type: `sample.${type}`,
      timestamp_ns: Math.round(seconds * 1e9),
      sample_uuid: String(index),
      ...rest,
    });
    const words = chunks.tokens.map((n) => 't '.repeat(n));
    return [
      event('issued', dispatched!),
      event('recv_first', firstToken!),
      event('complete', done!, { data: ['TextModelOutput', words] }),
    ];
  });
  events.sort((a, b) => a.timestamp_ns - b.timestamp_ns);
  const start = { event_type: 'session.start_performance_tracking', timestamp_ns: 0 };
  writeFileSync(path, [start, ...events].map((event) => `${JSON.stringify(event)}\n`).join(''));
}

interface Diagnostics {
  readonly n_super_passes: number;
  readonly warmup: number;
  readonly steady_state: {
    readonly found: boolean;
    readonly window: { readonly sp_lo: number; readonly sp_hi: number } | null;
    readonly short_window: {
      readonly window_duration_s: number;
      readonly min_duration_s: number;
      readonly dominant: 'precision' | 'relaxation' | 'floor';
    } | null;
    readonly anomaly: {
      readonly detected: boolean;
      readonly change_point_sp: number | null;
      readonly delta_pct: number;
      readonly plateaus: readonly (readonly [number, number])[];
    };
    readonly global_trend: Readonly<Record<string, 'up' | 'down' | 'steady' | 'insufficient'>>;
  };
}

/** Asks the published code about logs, all in one process. */
export function published(logs: readonly { path: string; superPassRequests: number }[]): Verdict[] {
  const driver = fileURLToPath(new URL('published.py', import.meta.url));
  const done = spawnSync(
    process.env.RIDGEPOINT_PYTHON ?? 'python3',
    [driver, process.env.RIDGEPOINT_STEADY_STATE!],
    {
      input: logs.map((log) => `${JSON.stringify(log)}\n`).join(''),
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    },
  );
  if (done.status !== 0) throw new Error(`the published code ended with ${done.status}: ${done.stderr}`);
  return done.stdout
    .trim()
    .split('\n')
    .map((line) => read(JSON.parse(line) as Diagnostics));
}

function read({ n_super_passes, warmup, steady_state: said }: Diagnostics): Verdict {
  const { window, short_window: short, anomaly } = said;
  const trend = (name: string): Direction => {
    const direction = said.global_trend[name]!;
    return direction === 'insufficient' ? 'too-short' : direction;
  };
  return {
    superPasses: n_super_passes,
    warmUp: warmup,
    found: said.found,
    plateaus: anomaly.plateaus,
    window: window === null ? null : [window.sp_lo, window.sp_hi],
    seconds: short?.window_duration_s ?? null,
    required: short?.min_duration_s ?? null,
    because: short === null ? null : short.dominant === 'floor' ? 'minimum' : short.dominant,
    shiftBefore: anomaly.detected ? anomaly.change_point_sp : null,
    shift: anomaly.detected ? anomaly.delta_pct / 100 : null,
    trends: {
      tpotP50: trend('tpot_p50'),
      tpotP90: trend('tpot_p90'),
      ttftP50: trend('ttft_p50'),
      ttftP90: trend('ttft_p90'),
    },
  };
}
