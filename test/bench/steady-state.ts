/**
 * Does steadyState() say of event logs what the published detector of MLPerf Endpoints says of them? Seeded
 * runs of known shapes, each written as the event log that steady_state_diagnostics.py reads.
 * RIDGEPOINT_STEADY_STATE names that file, RIDGEPOINT_PYTHON a Python for it (python3). Then how much CPU
 * time 100,000 requests take.
 *
 *   npm run bench -- steady-state [--runs=200] [--seed=1]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { steadyState } from '../../core/serving/steady-state.js';
import { summarizeServing, wholeRun } from '../../core/serving/summary.js';
import { answered } from '../support/requests.js';
import { conclude, type Figure } from './figure.js';
import { lacking, published, type Verdict, writeLog } from './steady-state/published.js';
import { generated, type Run, SHAPES } from './steady-state/runs.js';

const argument = (name: string, otherwise: number): number =>
  Number(process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3) ?? otherwise);
const count = argument('runs', 200);
const seed = argument('seed', 1);

function ours({ requests, superPassRequests }: Run): Verdict {
  const judged = steadyState(requests, { superPassRequests });
  const window = judged.found ? judged.window : judged.longest;
  return {
    superPasses: judged.superPasses,
    warmUp: judged.warmUp.superPasses,
    found: judged.found,
    plateaus: judged.plateaus.map(({ start, end }) => [start, end] as const),
    window: window === null ? null : [window.start, window.end],
    seconds: window?.duration.seconds ?? null,
    required: window?.duration.required ?? null,
    because: window?.duration.because ?? null,
    shiftBefore: judged.shift?.before ?? null,
    shift: judged.shift?.relativeChange ?? null,
    trends: judged.trends,
  };
}

/** Numbers that both compute in their own way agree to nine digits. */
const rounded = (_: string, value: unknown) =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(9)) : value;
const text = (value: unknown) => JSON.stringify(value, rounded);

function agreement(): Figure[] {
  const missing = lacking();
  if (missing !== null) {
    console.log(`not compared: it goes without ${missing}`);
    return [];
  }
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-bench-steady-state-'));
  try {
    const runs = Array.from({ length: count }, (_, i) =>
      generated(SHAPES[i % SHAPES.length]!, seed * 1_000_000 + i),
    );
    const logs = runs.map((run, i) => {
      const path = join(folder, `${i}.jsonl`);
      writeLog(path, run);
      return { path, superPassRequests: run.superPassRequests };
    });
    const theirs = published(logs);
    const mine = runs.map(ours);
    for (const shape of SHAPES) {
      const of = mine.filter((_, i) => runs[i]!.shape === shape);
      const steady = of.filter(({ found }) => found).length;
      const shifted = of.filter(({ shift }) => shift !== null).length;
      const half = of.filter(({ warmUp, superPasses }) => warmUp === Math.floor(superPasses / 2)).length;
      console.log(
        `  ${shape}: ${of.length} runs, ${steady} with a steady state, ${shifted} with a shift, ${half} with half the run as warm-up`,
      );
    }
    const same = (parts: readonly (keyof Verdict)[]) => {
      const agree = runs.map((run, i) =>
        parts.every((part) => {
          const [a, b] = [text(mine[i]![part]), text(theirs[i]![part])];
          if (a !== b) console.log(`  ${run.shape}, seed ${run.seed}, ${part}: ours ${a}, published ${b}`);
          return a === b;
        }),
      );
      return agree.filter(Boolean).length;
    };
    const figure = (claim: string, parts: readonly (keyof Verdict)[]): Figure => {
      const agreed = same(parts);
      return {
        claim,
        measured: `${agreed} of ${runs.length} runs`,
        required: 'all',
        holds: agreed === runs.length,
      };
    };
    return [
      figure('verdict and window are those of the published detector', ['found', 'window']),
      figure('super-passes, warm-up and every plateau, too', ['superPasses', 'warmUp', 'plateaus']),
      figure('how long it lasts, how long it must, and why', ['seconds', 'required', 'because']),
      figure('shifts of level and trends to the end', ['shiftBefore', 'shift', 'trends']),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function speed(): Figure[] {
  const requests = Array.from({ length: 100_000 }, (_, index) =>
    answered({
      index,
      intended: index / 50,
      ttft: 0.2 + ((index * 7919) % 100) / 1000,
      tpot: 0.02 + ((index * 104_729) % 100) / 10_000,
      chunks: Array.from({ length: 64 }, () => 1),
    }),
  );
  const timed = (work: () => unknown) => {
    const start = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1e6;
  };
  const judged = timed(() => steadyState(requests, { superPassRequests: 1000 }));
  const small = timed(() => steadyState(requests, { superPassRequests: 100 }));
  const summed = timed(() => summarizeServing(requests, wholeRun(requests)!));
  return [
    {
      claim: '100,000 requests of 64 tokens: steady state by 100 and by 1,000 super-passes, summary',
      measured: `${judged.toFixed(2)} s, ${small.toFixed(2)} s, ${summed.toFixed(2)} s of CPU`,
      required: 'at most 2 s each',
      holds: Math.max(judged, small, summed) <= 2,
    },
  ];
}

conclude('steady-state', [...agreement(), ...speed()]);
