import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  isPresent,
  type ResultRecord,
  resultSchema,
  type SampleSeries,
} from '../../../core/result/result.js';
import { RIDGE } from '../../support/ridge.js';
import type { Figure } from '../figure.js';

const WATTS = 137;
const TOLERANCE = 0.001;
const SWEEP = `apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: replay }
spec:
  models: ["builtin:tiny"]
  runners: { kind: fake, fakePrefillTokensPerSecond: 2000, fakeDecodeTokensPerSecond: 200 }
  workloads: { kind: latency, promptTokens: 256, generateTokens: 16 }
  measure: { starts: 1, minRepeats: 3, maxRepeats: 3 }
  placement: { driftControl: false }
`;

/** A whole run whose energy comes from a trace of constant power: recorder, lengthened phases, judge and record. */
export function replayFigure(): Figure {
  const claim = `a run that replays a trace of ${WATTS} W, lengthened phases included`;
  const required = `energy over time within ${TOLERANCE * 100} %, both phases lengthened, no warning of energy`;
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-replay-'));
  try {
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const trace = file('trace.json', JSON.stringify({ samples: [ramp(600)] }));
    const out = join(folder, 'out');
    const args = ['run', file('sweep.yaml', SWEEP), '--energy', `replay:${trace}`, '--out', out];
    const done = spawnSync(process.execPath, [RIDGE, ...args], { encoding: 'utf8' });
    if (done.status !== 0) return { claim, measured: `ridge run: ${done.stderr}`, required, holds: false };
    const [line = ''] = readFileSync(join(out, 'results.jsonl'), 'utf8').split('\n');
    return { claim, required, ...verdict(resultSchema.parse(JSON.parse(line))) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function verdict({ measurements, warnings, phases }: ResultRecord): Pick<Figure, 'measured' | 'holds'> {
  const power = measurements.averagePowerWatts;
  if (!isPresent(power)) return { measured: `no power: ${power?.reason}`, holds: false };
  const off = Math.max(
    ...[...(power.samples ?? []), power.value].map((watts) => Math.abs(watts / WATTS - 1)),
  );
  const lengthened = phases.filter(({ name }) => name.startsWith('energy-')).length;
  const codes = warnings.map(({ code }) => code).filter((code) => /^(meter|counter|window)-/.test(code));
  const said = codes.length === 0 ? 'no warning' : codes.join(', ');
  return {
    measured: `${(off * 100).toPrecision(2)} % off, ${power.source}, ${lengthened} lengthened windows, ${said}`,
    holds: off <= TOLERANCE && lengthened === 6 && codes.length === 0,
  };
}

function ramp(lengthSeconds: number): SampleSeries {
  const seconds = Array.from({ length: lengthSeconds * 20 }, (_, i) => i * 0.05);
  return {
    meter: 'rapl',
    quantity: 'energyJoules:package-0',
    unit: 'J',
    kind: 'counter',
    periodSeconds: 0.05,
    seconds,
    values: seconds.map((time) => WATTS * time),
  };
}
