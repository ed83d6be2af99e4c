/**
 * bench:answers-scale: 150,000 synthetic items over three agents, a third each, asked of the smallest model
 * that ships. One agent is killed with all that it started when it has answered half. Claims:
 *
 * - memory is flat: what the process that asks holds at its end is what it held when a tenth was answered,
 *   within 64 MiB, for each agent and its child;
 * - the killed agent answers its next item within 5 s of its new start, behind the last one that it kept;
 * - each item is counted once: the files of answers, through `ridge answers`, hold every item of every agent
 *   once.
 *
 *   npm run bench -- answers-scale [--items=150000]
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { builtinFolder } from '../../artifacts/files/source.js';
import { type ResultRecord, resultSchema } from '../../core/result/result.js';
import { type Running, ridge, startRidge } from '../support/ridge.js';
import { freePort } from '../support/services.js';
import { conclude, type Figure } from './figure.js';

const items = Number(process.argv.find((word) => word.startsWith('--items='))?.slice(8) ?? 150_000);
const AGENTS = 3;
const MOST_GROWTH_BYTES = 64 * 2 ** 20;
const MOST_RESUME_SECONDS = 5;
const each = Math.floor(items / AGENTS);
const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-answers-scale-'));
const models = join(folder, 'models');
const say = (line: string): void => void process.stderr.write(`answers-scale: ${line}\n`);
const file = (name: string, text: string) => writeFileSync(join(models, name), text);

function prepare(): string {
  mkdirSync(models);
  const subjects = ['forest', 'river', 'garden', 'market', 'harbour'];
  const item = (i: number) => {
    const context = `The ${subjects[i % 5]} was number ${i}, so they went into the`;
    return JSON.stringify({
      id: `i${i}`,
      group: subjects[i % 5],
      context,
      choices: [' forest', ' of'],
      answer: i % 2,
    });
  };
  file('many.jsonl', Array.from({ length: each }, (_, i) => item(i)).join('\n'));
  writeFileSync(join(models, 'tiny.gguf'), readFileSync(join(builtinFolder(), 'tiny-f16.gguf')));
  // A model for each agent: three points, and each agent has one device.
  file(
    'sweep.yaml',
    `apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: scale }
spec:
  models: [{ name: tiny, source: tiny.gguf }]
  techniques: { quantization: [base, q8_0, q4_0] }
  runners: [{ kind: llama-cpp, threads: 1 }]
  workloads: [{ kind: latency, promptTokens: 16, generateTokens: 4 }]
  measure: { starts: 1, maxRepeats: 1, minRepeats: 1, maxWarmups: 0 }
  placement: { retries: 3, driftControl: false }
  quality: { tasks: [many.jsonl], base: false }
`,
  );
  return join(models, 'sweep.yaml');
}

const cacheOf = (agent: number) => join(folder, `cache-${agent}`);

/** @returns the journal of answers that an agent is at; null = none yet. */
function journalOf(agent: number): string | null {
  const at = join(cacheOf(agent), 'quality');
  const name = existsSync(at) ? readdirSync(at).find((one) => one.endsWith('.jsonl')) : undefined;
  return name === undefined ? null : join(at, name);
}
const journalBytes = (agent: number): number => {
  const path = journalOf(agent);
  try {
    return path === null ? 0 : statSync(path).size;
  } catch {
    return 0;
  }
};
/** Of a line of these answers; the journal is not read while it is written. */
let lineBytes = 0;
const answered = (agent: number) => (lineBytes === 0 ? 0 : Math.floor(journalBytes(agent) / lineBytes));

function startAgent(agent: number, coordinator: string): Running {
  const config = join(folder, `agent-${agent}.yaml`);
  const settings = {
    cacheFolder: cacheOf(agent),
    stateFolder: join(folder, `state-${agent}`),
    modelFolders: [models],
  };
  writeFileSync(
    config,
    JSON.stringify({ ...settings, runners: ['llama-cpp'], limits: { trialTimeoutSeconds: 7200 } }),
  );
  const words = ['--config', config, '--name', `node${agent}`, '--energy', 'none'];
  return startRidge(['agent', '--coordinator', coordinator, ...words]);
}

/** Resident bytes of a process and of the largest process below it. */
function resident(pid: number): { own: number; child: number } {
  const bytes = (of: number) => {
    try {
      return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${of}/status`, 'utf8'))?.[1] ?? 0) * 1024;
    } catch {
      return 0;
    }
  };
  let children: number[] = [];
  try {
    const tasks = readdirSync(`/proc/${pid}/task`);
    children = tasks.flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').map(Number),
    );
  } catch {
    // It has just ended.
  }
  return { own: bytes(pid), child: Math.max(0, ...children.filter((one) => one > 0).map(bytes)) };
}

interface Seen {
  /** When a tenth was answered, and at most since. */
  early: { own: number; child: number } | null;
  most: { own: number; child: number };
}

const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

async function main(): Promise<Figure[]> {
  const sweep = prepare();
  const address = `127.0.0.1:${await freePort()}`;
  const all: Running[] = [];
  const start = (one: Running) => {
    all.push(one);
    return one;
  };
  try {
    const data = join(folder, 'coordinator');
    const coordinator = start(
      startRidge(['coordinator', '--listen', address, '--metrics', 'off', '--web', 'off', '--data', data]),
    );
    await coordinator.says(/agents and tools at/);
    const agents = Array.from({ length: AGENTS }, (_, i) => start(startAgent(i, address)));
    const submitted = start(startRidge(['submit', sweep, '--coordinator', address, '--watch']));
    const seen = agents.map((): Seen => ({ early: null, most: { own: 0, child: 0 } }));
    let resumedAfter: number | null = null;
    let over = false;
    for (const one of [...agents, submitted])
      void one.ended.then(() => {
        over = true;
      });
    for (let told = 0; !over; told++) {
      await sleep(250);
      for (let i = 0; i < AGENTS; i++) look(i, agents[i]!, seen[i]!);
      if (told % 40 === 0) say(agents.map((_, i) => `${answered(i)} of ${each}`).join(', '));
      if (resumedAfter === null && answered(0) >= each / 2) {
        const killed = agents[0]!;
        process.kill(-killed.process.pid!, 'SIGKILL');
        await killed.ended;
        over = false;
        const before = journalBytes(0);
        const began = performance.now();
        agents[0] = start(startAgent(0, address));
        seen[0] = { early: null, most: { own: 0, child: 0 } };
        while (journalBytes(0) <= before && !over && performance.now() - began < 120_000) await sleep(20);
        resumedAfter = (performance.now() - began) / 1000;
        say(`killed at ${answered(0)}, went on after ${resumedAfter.toFixed(1)} s`);
      }
    }
    if (submitted.process.exitCode === null) throw new Error(agents.map((one) => one.stderr()).join('\n'));
    const { code, stderr } = await submitted.ended;
    if (code !== 0) throw new Error(stderr);
    return [...memoryFigures(seen), resumeFigure(resumedAfter), await countFigure(address)];
  } finally {
    for (const one of all) {
      try {
        process.kill(-one.process.pid!, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
    await Promise.all(all.map(({ ended }) => ended));
    rmSync(folder, { recursive: true, force: true });
  }
}

function look(agent: number, { process: child }: Running, seen: Seen): void {
  if (lineBytes === 0) lineBytes = firstLineBytes(agent);
  const done = answered(agent);
  if (done < each / 10) return;
  const now = resident(child.pid!);
  seen.early ??= now;
  seen.most = { own: Math.max(seen.most.own, now.own), child: Math.max(seen.most.child, now.child) };
}

/** The mean of the first lines of a journal. */
function firstLineBytes(agent: number): number {
  const path = journalOf(agent);
  if (path === null || journalBytes(agent) < 2 ** 18) return 0;
  const lines = readFileSync(path, 'utf8').split('\n').slice(1, -1);
  return lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0) / lines.length;
}

function memoryFigures(seen: readonly Seen[]): Figure[] {
  return (['own', 'child'] as const).map((whose) => {
    const growth = seen.map(({ early, most }) => most[whose] - (early?.[whose] ?? 0));
    const text = seen.map(({ early, most }) => `${mib(early?.[whose] ?? 0)} → ${mib(most[whose])}`);
    return {
      claim: `memory of ${whose === 'own' ? 'agents' : 'what asks'} from a tenth of the items to their end`,
      measured: text.join(', '),
      required: `at most ${mib(MOST_GROWTH_BYTES)} more`,
      holds: seen.every(({ early }) => early !== null) && growth.every((bytes) => bytes <= MOST_GROWTH_BYTES),
    };
  });
}

function resumeFigure(seconds: number | null): Figure {
  return {
    claim: 'the killed agent answers its next item',
    measured: seconds === null ? 'never' : `after ${seconds.toFixed(1)} s`,
    required: `within ${MOST_RESUME_SECONDS} s of its new start`,
    holds: seconds !== null && seconds <= MOST_RESUME_SECONDS,
  };
}

async function countFigure(address: string): Promise<Figure> {
  const printed = await ridge(['results', '--coordinator', address, '--format', 'jsonl']);
  const records = printed.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line): ResultRecord => resultSchema.parse(JSON.parse(line)));
  const counts = records.map((record) => {
    const { digest } = record.quality!.answers![0]!;
    const name = `${digest.slice('sha256:'.length)}.jsonl`;
    const path = Array.from({ length: AGENTS }, (_, i) => join(cacheOf(i), 'answers', name)).find(
      existsSync,
    )!;
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    return {
      lines: lines.length,
      items: new Set(lines.map((line) => (JSON.parse(line) as { item: string }).item)).size,
    };
  });
  const whole = counts.filter(({ lines, items: different }) => lines === each && different === each).length;
  return {
    claim: `each of ${AGENTS * each} items is counted once`,
    measured: counts
      .map(({ lines, items: different }) => `${lines} answers to ${different} items`)
      .join(', '),
    required: `${each} answers to ${each} items from each of ${AGENTS} agents`,
    holds: counts.length === AGENTS && whole === AGENTS,
  };
}

conclude('answers-scale', await main());
