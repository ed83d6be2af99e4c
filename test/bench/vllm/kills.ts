import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServerPool } from '../../../engines/servers/pool.js';
import { readPage } from '../../../load/inside.js';
import { monotonicSeconds } from '../../../process/isolation/clock.js';
import { descendantsOf } from '../../../process/isolation/processes.js';
import { type Running, startRidge } from '../../support/ridge.js';
import type { Figure } from '../figure.js';
import { rowsOf, runner, sweepFiles } from './rows.js';
import { type Place, wantedOf } from './server.js';

const ENDS_WITHIN_SECONDS = 5;
/** One sentence: no stack, no line break, no value that nobody wrote out. */
const SENTENCE = /^(?!.*(undefined|\[object|\n))\S.{15,600}$/;

/** When a run is met, and whom SIGKILL then meets. */
export const MOMENTS = {
  loading: { when: (run: Seen) => run.engine !== null, whom: 'server' },
  prefill: { when: (run: Seen) => run.running > 0, whom: 'server' },
  decode: { when: (run: Seen) => run.tokens > 100, whom: 'server' },
  idle: { when: () => true, whom: 'server' },
  'decode, its engine': { when: (run: Seen) => run.tokens > 100, whom: 'engine' },
  'decode, its keeper': { when: (run: Seen) => run.tokens > 100, whom: 'keeper' },
} as const;
export type Moment = keyof typeof MOMENTS;

/** Prompts as long as the context allows, or answers. */
const LENGTHS: Partial<Record<Moment, object>> = {
  prefill: { inputTokens: 480, outputTokens: 2, requests: 400 },
};

/** What is seen of a run's server. */
interface Seen {
  readonly server: number | null;
  readonly engine: number | null;
  readonly keeper: number | null;
  readonly running: number;
  readonly tokens: number;
}

const read = (pid: number, file: string) => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
};
const isAlive = (pid: number) => /^State:\s*[^ZX\s]/m.test(read(pid, 'status'));

async function look(below: number): Promise<Seen> {
  const all = descendantsOf(below).map((pid) => ({
    pid,
    words: read(pid, 'cmdline').split('\0'),
    name: read(pid, 'comm'),
  }));
  const server = all.find(({ words }) => words.includes('serve') && words.includes('--served-model-name'));
  const port = server?.words[server.words.indexOf('--port') + 1];
  const page = await fetch(`http://127.0.0.1:${port}/metrics`).then(
    async (answer) => readPage(await answer.text()),
    () => new Map<string, number>(),
  );
  const above = all.filter(({ words }) => words.some((word) => /agent\/worker\.[jt]s$/.test(word)));
  return {
    server: server?.pid ?? null,
    engine: all.find(({ name }) => name.startsWith('VLLM::EngineCor'))?.pid ?? null,
    keeper:
      above.find(({ pid }) => server !== undefined && descendantsOf(pid).includes(server.pid))?.pid ?? null,
    running: page.get('vllm:num_requests_running') ?? 0,
    tokens: page.get('vllm:generation_tokens_total') ?? 0,
  };
}

/**
 * Kills at a moment.
 * @returns how long it took until `over`, and which of the processes of before were left then.
 */
async function killed(moment: Moment, below: number, over: Promise<unknown>) {
  const { when, whom } = MOMENTS[moment];
  let seen = await look(below);
  for (; !(seen.server !== null && when(seen)); seen = await look(below)) await sleep(50);
  const family = descendantsOf(seen.keeper ?? below);
  const pid = seen[whom]!;
  console.log(`  ${moment}: SIGKILL to ${whom} ${pid} of ${family.length} processes`);
  const begun = monotonicSeconds();
  process.kill(pid, 'SIGKILL');
  await over;
  const seconds = monotonicSeconds() - begun;
  return { seconds, left: family.filter(isAlive) };
}

function figuresOf(moment: Moment, seconds: number, said: string, left: readonly number[]): Figure[] {
  return [
    {
      claim: `kill -9 while ${moment}: ended`,
      measured: `after ${seconds.toFixed(1)} s: ${said}`,
      required: `within ${ENDS_WITHIN_SECONDS} s, with a sentence`,
      holds: seconds <= ENDS_WITHIN_SECONDS && SENTENCE.test(said),
    },
    {
      claim: `kill -9 while ${moment}: processes left`,
      measured: String(left.length),
      required: '0',
      holds: left.length === 0,
    },
  ];
}

/** A server that nobody asks is killed in its pool. */
async function idle(place: Place): Promise<Figure[]> {
  const pool = new ServerPool();
  try {
    const { died } = await pool.take('cpu0', wantedOf(place, {}), () => {});
    const why = died.catch((error: Error) => error.message);
    const { seconds, left } = await killed('idle', process.pid, why);
    return figuresOf('idle', seconds, String(await why), left);
  } finally {
    await pool.close();
  }
}

/** The record of the trial is there: then it has ended, and what follows is the report of the run. */
function tried(run: Running): Promise<unknown> {
  return Promise.race([run.ended, run.says(/failed|crashed|invalid/i).catch(() => {})]);
}

export async function kill(place: Place, moment: Moment): Promise<Figure[]> {
  if (moment === 'idle') return await idle(place);
  const name = `killed-${moment.replaceAll(/[^a-z]+/g, '-')}`;
  const lengths = LENGTHS[moment] ?? { inputTokens: 16, outputTokens: 400, requests: 200 };
  const workloads = { kind: 'serving', concurrency: 4, warmupRequests: 0, ...lengths };
  const run = startRidge(sweepFiles(place, name, { runners: runner(), workloads }));
  const { seconds, left } = await killed(moment, run.process.pid!, tried(run));
  await run.ended;
  const [row] = rowsOf(place, name);
  return figuresOf(moment, seconds, row?.failure?.message ?? 'no sentence', left);
}
