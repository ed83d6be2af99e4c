import { setTimeout as sleep } from 'node:timers/promises';
import { fakeSweep } from '../../../support/sweeps.js';
import type { Check, Outcome } from '../check.js';
import { type Ground, submit, type Target, within } from '../ground.js';
import { cpuSeconds } from '../process-figures.js';

/** How long a document may take, and an agent may wait for its answer meanwhile. */
const MOST_SECONDS = 1;
/** How often a slow answer is asked for again: other programs share the machine. */
const ATTEMPTS = 3;
const HEAD = 'apiVersion: ridgepoint.dev/v1\nkind: Sweep\nmetadata: { name: NAME }\n';
const SPEC = `${HEAD}spec:\n`;
const REST =
  '  runners: [{ kind: fake }]\n  workloads: [{ kind: latency, promptTokens: 8, generateTokens: 8 }]\n';

const repeat = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join('');
/** As many lines as make a megabyte. */
const megabyte = (line: (index: number) => string): string =>
  repeat(Math.floor(1e6 / line(123_456).length), line);

const DOCUMENTS: readonly (readonly [string, string, () => string])[] = [
  [
    'keys-20k',
    '20,000 keys (79 kB)',
    () => `${HEAD}${repeat(20_000, (index) => `${index.toString(36)}:\n`)}`,
  ],
  [
    'keys-45k',
    '45,000 keys (179 kB)',
    () => `${HEAD}${repeat(45_000, (index) => `${index.toString(36)}:\n`)}`,
  ],
  ['keys', '1 MB of keys', () => `${HEAD}${megabyte((index) => `k${index}: 1\n`)}`],
  [
    'models',
    '1 MB of models',
    () =>
      `${SPEC}${REST}  models:\n${megabyte((index) => `    - { name: m${index}, source: "builtin:tiny" }\n`)}`,
  ],
  [
    'includes',
    '1 MB of includes',
    () =>
      `${SPEC}${REST}  models: "builtin:tiny"\n  include:\n${megabyte((index) => `    - { generateTokens: ${index + 1} }\n`)}`,
  ],
  [
    'excludes',
    '1 MB of excludes',
    () =>
      `${SPEC}${REST}  models: "builtin:tiny"\n  exclude:\n${megabyte((index) => `    - { generateTokens: ${index + 9} }\n`)}`,
  ],
  [
    'errors',
    '1 MB of errors',
    () =>
      `${SPEC}${REST}  models:\n${megabyte((index) => `    - { nmae: m${index}, suorce: [${index}] }\n`)}`,
  ],
  [
    'aliases',
    'aliases of aliases, twenty deep',
    () =>
      `${HEAD}a0: &a0 [x, x, x, x, x, x, x, x, x]\n${repeat(20, (index) => `a${index + 1}: &a${index + 1} [${Array.from({ length: 9 }, () => `*a${index}`).join(', ')}]\n`)}`,
  ],
  ['nesting', '1 MB of nesting', () => `${HEAD}spec: ${'['.repeat(499_000)}${']'.repeat(499_000)}\n`],
];

export const yamlChecks: readonly Check[] = DOCUMENTS.map(([name, what, document]) => ({
  name: `yaml-${name}`,
  claim: `${what} in a sweep file is answered within a second, and agents meanwhile`,
  run: (ground: Ground) => submitted(ground, document()),
}));

interface Answer {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly silence: number;
  readonly words: string;
}

async function submitted(ground: Ground, document: string): Promise<Outcome> {
  const target = await ground.coordinator();
  // Whatever is loaded at the first sweep is loaded.
  await submit(ground.control(target), fakeSweep(1));
  const answers: Answer[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    answers.push(await once(ground, target, document.replace('NAME', `attempt${attempt}`)));
    const { seconds, silence } = answers.at(-1)!;
    if (Math.max(seconds, silence) <= MOST_SECONDS || seconds > 15) break;
  }
  const least = (of: (answer: Answer) => number): number => Math.min(...answers.map(of));
  const [cpu, seconds] = [least((answer) => answer.cpuSeconds), least((answer) => answer.seconds)];
  const silence = least((answer) => answer.silence);
  const { words } = answers[0]!;
  return {
    // Where other programs take the processors the answer is late; CPU time counts helper threads beside each
    // other.
    holds: Math.min(cpu, seconds) <= MOST_SECONDS && silence <= MOST_SECONDS,
    figure:
      `answered after ${seconds.toFixed(2)} s (${cpu.toFixed(2)} s of CPU; ${words}), ` +
      `an agent waited ${(silence * 1000).toFixed(0)} ms at most`,
  };
}

async function once(ground: Ground, target: Target, document: string): Promise<Answer> {
  const agent = await ground.fakeAgent(target);
  await within(10, 'an answer', agent.ask());
  let silence = 0;
  let over = false;
  const asking = (async () => {
    while (!over) {
      const asked = performance.now();
      // Answered as a heartbeat would be: in the coordinator's next turn.
      await within(40, 'an answer', agent.ask());
      silence = Math.max(silence, (performance.now() - asked) / 1000);
      await sleep(20);
    }
  })().catch(() => {
    silence = Number.POSITIVE_INFINITY;
  });
  const [cpu, start] = [cpuSeconds(target.pid), performance.now()];
  const control = ground.control(target);
  const request = { document, modelsJson: '', submitter: 'bench', retryFailed: false };
  let words = 'taken';
  try {
    await control.submitSweep(request, { deadlineSeconds: 30 });
  } catch (error) {
    words = `${(error as { code?: string }).code ?? 'error'}: ${(error as Error).message}`.slice(0, 90);
  }
  const seconds = (performance.now() - start) / 1000;
  over = true;
  await asking;
  agent.vanish();
  return { seconds, cpuSeconds: cpuSeconds(target.pid) - cpu, silence, words };
}
