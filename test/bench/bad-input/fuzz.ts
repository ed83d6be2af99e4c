import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ResultRecord } from '../../../core/result/result.js';
import { resultSchema } from '../../../core/result/result.js';
import { damage } from '../../support/damage.js';
import { tinyModel } from '../../support/gguf-patch.js';
import type { Figure } from '../figure.js';
import { Ground } from './ground.js';
import { sweep } from './sweep.js';

/**
 * Hands a real coordinator with a real agent one sweep whose models are all damaged, each in its own way: a
 * damage that kills the agent, or a record that is not one, would be seen. The seed is in the model's name.
 */
export async function fuzz(mutations: number): Promise<Figure[]> {
  const ground = new Ground();
  try {
    return await run(ground, mutations);
  } finally {
    ground.close();
  }
}

async function run(ground: Ground, mutations: number): Promise<Figure[]> {
  const original = tinyModel();
  mkdirSync(ground.path('models'));
  const kinds = new Map<string, string>();
  const models = Array.from({ length: mutations }, (_, seed) => {
    const { kind, bytes } = damage(original, seed);
    const name = `seed-${seed}`;
    kinds.set(name, kind);
    ground.write(`models/${name}.gguf`, bytes);
    return { name, source: `${name}.gguf` };
  });
  const measure = { trialTimeoutSeconds: 20, maxRepeats: 1, minRepeats: 1, maxSeconds: 2 };
  const file = ground.write('sweep.yaml', sweep({ name: 'fuzz', models, measure }));

  const at = ['--coordinator', await ground.coordinator()];
  const agent = ground.start([
    'agent',
    ...at,
    '--models',
    ground.path('models'),
    '--data',
    'a',
    '--name',
    'n',
  ]);
  let agentEnded = false;
  void agent.ended.then(() => {
    agentEnded = true;
  });
  const submitted = await ground.ridge(['submit', file, ...at]);
  const failed = await settled(ground, at, mutations);
  const agentLives = !agentEnded;
  const nodes = await ground.ridge(['nodes', ...at]);
  const printed = await ground.ridge(['results', ...at, '--format', 'jsonl', '--all-trials']);
  const stuck = await ground.interruptAll();

  const lines = printed.stdout.split('\n').filter((line) => line !== '');
  const parsed = lines.map((line) => resultSchema.safeParse(JSON.parse(line)));
  const records = parsed.flatMap((result) => (result.success ? [result.data] : []));
  const mute = records.filter(({ failure, status }) => status === 'failed' && !isSentence(failure?.message));
  const known = new Set(records.map((record) => record.experiment.model.name)).size;
  print(records, kinds);
  return [
    {
      claim: 'no damaged model kills the agent',
      measured: `${agentLives && nodes.stdout.includes('n') ? 'it lived' : 'it died'}; ${known} of ${mutations} models have a record, ${failed} failed, submit ended with ${submitted.code}`,
      required: `it lives, ${mutations} of ${mutations}, some failed, 0`,
      holds: agentLives && known === mutations && failed > 0 && submitted.code === 0,
    },
    {
      claim: 'every record of a damaged model is one, and every failure has a code and a sentence',
      measured: `${lines.length - records.length} records outside the schema, ${mute.length} of ${records.length} without a sentence${mute.map(({ experiment }) => ` ${experiment.model.name}`).join('')}`,
      required: '0, 0',
      holds: lines.length > 0 && records.length === lines.length && mute.length === 0,
    },
    {
      claim: 'nothing left running after the damaged models',
      measured: `${stuck.length} processes`,
      required: '0',
      holds: stuck.length === 0,
    },
  ];
}

/**
 * Waits until every point is settled, or waits for a node with more memory than this one: a damaged number
 * can ask for terabytes, and a cluster may yet get such a node. @returns how many failed or wait.
 */
async function settled(ground: Ground, at: readonly string[], mutations: number): Promise<number> {
  for (;;) {
    await sleep(2000);
    const told = await ground.ridge(['sweeps', '--json', ...at]);
    if (told.code !== 0) throw new Error(`ridge sweeps ended with ${told.code}: ${told.stderr}`);
    const [status] = JSON.parse(told.stdout) as {
      complete: number;
      failed: number;
      invalid: number;
      running: number;
      blockedReasons: string[];
    }[];
    if (status === undefined) throw new Error('the coordinator has lost the sweep');
    const waiting = status.blockedReasons.length;
    const done = status.complete + status.failed + status.invalid + waiting;
    if (status.running === 0 && done >= mutations) return status.failed + waiting;
  }
}

/** Words for people, not an empty string or an object. */
function isSentence(message: string | undefined): boolean {
  return /^\S+( \S+){2,}/.test(message ?? '') && !/\[object |undefined|\n\s+at /.test(message ?? '');
}

/** Kinds of damage against outcomes; of each outcome that is no plain refusal some seeds, to be tried again. */
function print(records: readonly ResultRecord[], kinds: ReadonlyMap<string, string>): void {
  const outcome = ({ failure }: ResultRecord): string => failure?.code ?? 'ran';
  const outcomes = [...new Set(records.map(outcome))].sort();
  const widths = outcomes.map((name) => Math.max(name.length, 5));
  const row = (title: string, cells: readonly (string | number)[]): void =>
    console.log(
      `${title.padEnd(28)}${cells.map((cell, i) => String(cell).padStart((widths[i] ?? 0) + 2)).join('')}`,
    );
  // The newest record of a model counts: earlier ones were tried again.
  const last = [...new Map(records.map((record) => [record.experiment.model.name, record])).values()];
  const count = (kind: string | null, name: string): number =>
    last.filter(
      (record) =>
        outcome(record) === name && (kind === null || kinds.get(record.experiment.model.name) === kind),
    ).length;
  console.log(`\n${last.length} damaged models, ${records.length} trials; the last of each:`);
  row('', outcomes);
  for (const kind of new Set(kinds.values()))
    row(
      kind,
      outcomes.map((name) => count(kind, name)),
    );
  row(
    'all',
    outcomes.map((name) => count(null, name)),
  );
  for (const name of outcomes.filter((one) => one !== 'ran' && one !== 'model-unreadable')) {
    const examples = last.filter((record) => outcome(record) === name);
    const shown = new Set(examples.map(({ failure }) => failure?.message.replaceAll(/seed-\d+/g, 'seed-…')));
    const seeds = examples.slice(0, 12).map((record) => record.experiment.model.name.replace('seed-', ''));
    console.log(`${name}: seeds ${seeds.join(' ')}`);
    for (const message of [...shown].slice(0, 4)) console.log(`  ${message}`);
  }
}
