/**
 * bench:promises: does a command take as long as it says beforehand, on a machine of its own and beside many
 * others?
 *
 * 30 commands, each a process of its own that is timed from its start to its end. Roofs and factors are
 * measured first, once, beside nobody. At load 1 nothing else runs; at load 15 fourteen processes that burn a
 * CPU each, which are started and ended here. A command keeps its promise when it ends within 1.25 of what it
 * said (`about 9 s, at most 11 s`), or when it said that it cannot by the time that was over, and so on with
 * the new time.
 *
 *   npm run bench -- promises [--loads=1,15] [--commands=30]
 *
 * Half an hour on two cores, of which load 15 takes most.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { burn } from '../support/burn.js';
import { startRidge } from '../support/ridge.js';
import { conclude, type Figure } from './figure.js';

const argument = (name: string, fallback: string) =>
  process.argv.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback;
const LOADS = argument('loads', '1,15').split(',').map(Number);
const COMMANDS = Number(argument('commands', '30'));

/** What is said rounds to seconds, and is read when this process gets a CPU. */
const READING_SECONDS = 2;

const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-promises-'));
const sweep = (name: string, spec: string) => {
  const path = join(folder, `${name}.yaml`);
  writeFileSync(
    path,
    `apiVersion: ridgepoint.dev/v1\nkind: Sweep\nmetadata: { name: ${name} }\nspec:\n${spec}`,
  );
  return path;
};
const FEW = sweep('few', '  models: builtin:small\n  runners: { kind: llama-cpp, threads: [1, 2] }\n');
const QUANTIZED = sweep(
  'quantized',
  '  models: builtin:small\n  techniques: { quantization: [f16, q8_0, q4_k_m] }\n',
);
const ASKED = sweep(
  'asked',
  '  models: builtin:small\n  workloads: { kind: latency, promptTokens: 64, generateTokens: 32 }\n  quality: { text: builtin:sample, maxWindows: 4 }\n',
);

const bench = (...flags: string[]) => ['bench', '-m', 'builtin:small', ...flags];
/** Ten kinds, each three times. */
const KINDS: readonly (readonly string[])[] = [
  bench('-p', '64', '-n', '16', '-t', '1'),
  bench('-p', '64', '-n', '16', '-t', '1,2'),
  bench('-p', '256', '-n', '64', '-t', '1,2'),
  bench('-p', '128', '-n', '32', '-t', '2', '-r', '10'),
  ['bench', '-m', 'builtin:tiny', '-p', '64,128,256', '-n', '16', '-t', '1'],
  ['run', 'builtin:small', '--quick'],
  ['run', 'builtin:tiny'],
  ['run', FEW],
  ['run', QUANTIZED, '--quick'],
  ['run', ASKED],
];

interface Said {
  readonly atSeconds: number;
  readonly aboutSeconds: number;
  readonly limitSeconds: number;
}

/** `1 min 03 s`, `2 h 05 min` */
function secondsIn(text: string): number {
  const unit = { h: 3600, min: 60, s: 1 };
  const parts = [...text.matchAll(/(\d+) (h|min|s)/g)];
  return parts.reduce((sum, [, count, name]) => sum + Number(count) * unit[name as keyof typeof unit], 0);
}

const TIME = String.raw`((?:\d+ (?:h|min|s) ?)+)`;
const PROMISE = new RegExp(`about ${TIME}, at most ${TIME}(?! until)`);

interface Taken {
  readonly command: string;
  readonly said: readonly Said[];
  readonly seconds: number;
  readonly code: number | null;
}

async function time(args: readonly string[], index: number, env: Record<string, string>): Promise<Taken> {
  const began = performance.now();
  const since = () => (performance.now() - began) / 1000;
  const running = startRidge([...args, '--out', join(folder, `out-${index}`), '--fresh'], {
    cwd: folder,
    env,
  });
  const said: Said[] = [];
  running.process.stderr!.on('data', (text: string) => {
    for (const line of text.split('\n')) {
      const [, about, limit] = PROMISE.exec(line) ?? [];
      if (about === undefined || limit === undefined) continue;
      said.push({ atSeconds: since(), aboutSeconds: secondsIn(about), limitSeconds: secondsIn(limit) });
    }
  });
  const { code } = await running.ended;
  return {
    command: args.map((word) => word.replace(`${folder}/`, '')).join(' '),
    said,
    seconds: since(),
    code,
  };
}

/** @returns what is wrong; null = it took as long as it said, or said in time that it would not. */
function broken({ said, seconds, code }: Taken): string | null {
  if (code !== 0) return `ended with exit code ${code}`;
  if (said.length === 0) return 'said nothing';
  for (const [index, { limitSeconds }] of said.entries()) {
    const next = said[index + 1]?.atSeconds ?? seconds;
    if (next > limitSeconds + READING_SECONDS) return `said nothing at ${limitSeconds} s`;
  }
  return null;
}

async function at(load: number, env: Record<string, string>): Promise<Figure[]> {
  const burners = Array.from({ length: Math.max(0, load - 1) }, burn);
  const all: Taken[] = [];
  try {
    for (let index = 0; index < COMMANDS; index++) {
      const taken = await time(KINDS[index % KINDS.length]!, index, env);
      all.push(taken);
      const { command, said, seconds } = taken;
      const first = said[0]?.aboutSeconds ?? Number.NaN;
      console.log(
        `load ${load} (${loadavg()[0]!.toFixed(1)}): ${command}: said ${said.map((one) => `${one.aboutSeconds} s`).join(', then ')}, took ${seconds.toFixed(1)} s (${(seconds / first).toFixed(2)}) ${broken(taken) ?? ''}`,
      );
    }
  } finally {
    for (const one of burners) one.kill('SIGKILL');
  }
  const wrong = all.filter((taken) => broken(taken) !== null);
  const kept = all.filter(({ said, seconds }) => said.length === 1 && seconds <= said[0]!.limitSeconds + 1);
  return [
    {
      claim: `at load ${load} a command takes what it says, or says in time that it does not`,
      measured: `${all.length - wrong.length} of ${all.length}: ${kept.length} within 1.25 of what was said, ${all.length - wrong.length - kept.length} said that they would not`,
      required: 'all',
      holds: wrong.length === 0 && all.length > 0,
    },
  ];
}

const env = { XDG_STATE_HOME: join(folder, 'state'), RIDGE_ROOFS: 'auto' };
try {
  const first = await time(['run', FEW], -1, env);
  console.log(`first run, which measures roofs and factors: ${first.seconds.toFixed(1)} s`);
  const figures: Figure[] = [];
  for (const load of LOADS) figures.push(...(await at(load, env)));
  conclude('promises', figures);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
