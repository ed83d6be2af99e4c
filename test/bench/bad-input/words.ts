import { complete, ended, printed, refused } from './expectations.js';
import { type Case, records } from './ground.js';
import { sweep } from './sweep.js';

const manyErrors = `apiVersion: ridgepoint.dev/v1
kind: Sweep
metadata: { name: wrong }
spec:
  models: [{ name: tiny, sorce: "builtin:tiny" }]
  runners:
    - kind: llama-cpp
      flashAttn: true
      threads: many
      kvCacheTypeK: q9_0
  workloads:
    - { kind: latency, promptTokens: -4, generateTokens: [8, 1.5] }
  measure: { maxRepeats: "ten" }
  objectve: { decodeTokensPerSecond: max }
`;

const unknownKey: Case = {
  name: '4 an unknown key',
  async run(ground) {
    const file = ground.write('sweep.yaml', sweep({ runner: { flashAtention: true } }));
    const line = sweep({ runner: { flashAtention: true } })
      .split('\n')
      .findIndex((text) => text.includes('flashAtention'));
    return refused(await ground.ridge(['run', file]), {
      code: 2,
      says: ['1 error', `sweep.yaml:${line + 1}:`, 'spec.runners[0]', ' (did you mean flashAttention?)\n'],
    });
  },
};

const allAtOnce: Case = {
  name: '4 nine errors at once',
  async run(ground) {
    const file = ground.write('sweep.yaml', manyErrors);
    const places = [
      ['5', 'sorce'],
      ['8', 'flashAttn'],
      ['9', 'threads'],
      ['10', 'kvCacheTypeK'],
      ['12', 'promptTokens'],
      ['12', 'generateTokens'],
      ['13', 'maxRepeats'],
      ['14', 'objectve'],
    ] as const;
    const says = places.map(([line, word]) => new RegExp(`sweep\\.yaml:${line}:\\d+ .*${word}`));
    const finished = await ground.ridge(['plan', file]);
    const guesses = ['source', 'flashAttention', 'objectives'].map(
      (word) => `key here (did you mean ${word}?)\n`,
    );
    return refused(finished, { code: 2, says: [...says, ...guesses] });
  },
};

const notYaml: Case = {
  name: '4 a file that is no YAML',
  async run(ground) {
    const file = ground.write('sweep.yaml', 'spec: [\n  models: {{\n');
    return refused(await ground.ridge(['run', file]), { code: 2, says: [/sweep\.yaml:\d+:\d+/] });
  },
};

const bytesAsSweep: Case = {
  name: '4 a model where the sweep file should be',
  async run(ground) {
    const bytes = new Uint8Array(200_000).map((_, i) => (i * 37) % 256);
    const file = ground.write('sweep.yaml', bytes);
    const finished = await ground.ridge(['run', file]);
    const wrong = finished.stderr.length > 4000 ? [`${finished.stderr.length} characters of words`] : [];
    return [
      ...wrong,
      ...refused(
        { ...finished, stderr: finished.stderr.slice(0, 2000) },
        { code: 2, says: ['sweep.yaml'], hint: false },
      ),
    ];
  },
};

const wrongFlag: Case = {
  name: '4 an option and a command nobody knows',
  async run(ground) {
    const option = await ground.ridge(['run', 'sweep.yaml', '--ouT', 'x']);
    const command = await ground.ridge(['rnu', 'sweep.yaml']);
    return [
      ...ended(option, 2),
      ...printed(option, ['--ouT']),
      ...ended(command, 2),
      ...printed(command, ['rnu', 'run']),
    ];
  },
};

const allImpossible: Case = {
  name: '5 no possible point',
  async run(ground) {
    const runner = { flashAttention: false, kvCacheTypeV: ['q8_0', 'q4_0'] };
    const file = ground.write('sweep.yaml', sweep({ runner }));
    return refused(await ground.ridge(['run', file, '--out', 'out']), {
      code: 2,
      says: ['2 points', 'quantized V cache needs flash attention'],
    });
  },
};

const batches: Case = {
  name: '5 ubatch larger than batch',
  async run(ground) {
    const file = ground.write('sweep.yaml', sweep({ runner: { batch: 256, ubatch: 512 } }));
    return refused(await ground.ridge(['run', file, '--out', 'out']), {
      code: 2,
      says: ['ubatch is larger than batch', 'raise batch or lower ubatch'],
    });
  },
};

const someImpossible: Case = {
  name: '5 some impossible points: the others run, the plan names them',
  async run(ground) {
    const runner = { flashAttention: [true, false], kvCacheTypeV: ['f16', 'q8_0'] };
    const file = ground.write('sweep.yaml', sweep({ runner }));
    const plan = await ground.ridge(['plan', file]);
    const run = await ground.ridge(['run', file, '--out', 'out']);
    return [
      ...ended(plan, 0),
      ...printed({ stderr: plan.stdout }, [
        '3 experiments',
        'impossible: 1: a quantized V cache needs flash',
      ]),
      ...ended(run, 0),
      ...complete(records(ground.path('out')), 3),
    ];
  },
};

export const WORD_CASES: readonly Case[] = [
  unknownKey,
  allAtOnce,
  notYaml,
  bytesAsSweep,
  wrongFlag,
  allImpossible,
  batches,
  someImpossible,
];
