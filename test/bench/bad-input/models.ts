import { statSync, truncateSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { KnownFacts } from '../../../core/experiment/known-facts.js';
import { UNCHANGED } from '../../../core/techniques/index.js';
import { predictMemory } from '../../../core/work/memory.js';
import { modelFacts } from '../../../formats/gguf/facts.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { sectionsOf, tinyModel, withArchitecture, withNumber } from '../../support/gguf-patch.js';
import { complete, ended, printed, refused } from './expectations.js';
import { type Case, type Ground, NotRun, records } from './ground.js';
import { sweep, TINY } from './sweep.js';

const tiny = tinyModel();
const { metadata, tensorInfos, data } = sectionsOf(tiny);

/**
 * `ridge run` opens every model before it starts anything: whoever typed the command is still there, and a
 * sweep of hours that ends without one of its models is worse than a refusal within a second. So a good
 * model beside a broken one is refused too, every broken one is named, and without them the same command
 * measures the good points. What only the engine can tell (below) comes later and costs its own points only.
 */
const truncated: Case[] = Object.entries({
  'to nothing': 0,
  'inside the magic number': 3,
  'inside the header': 20,
  'inside the metadata': Math.floor((metadata + tensorInfos) / 2),
  'inside the tensor infos': Math.floor((tensorInfos + data) / 2),
  'before the tensor data': data,
  'inside the tensor data': Math.floor((data + tiny.length) / 2),
  'one byte before the end': tiny.length - 1,
}).map(([where, length]) => ({
  name: `1 a model cut off ${where}`,
  async run(ground) {
    ground.write('cut.gguf', tiny.subarray(0, length));
    const models = [{ name: 'cut', source: 'cut.gguf' }];
    const file = ground.write('sweep.yaml', sweep({ models }));
    return refused(await ground.ridge(['run', file, '--out', 'out']), {
      code: 1,
      says: ['cut.gguf', /usable: \S/],
    });
  },
}));

const besideGood: Case = {
  name: '1 two cut models beside a good one',
  async run(ground) {
    ground.write('first.gguf', tiny.subarray(0, data));
    ground.write('second.gguf', tiny.subarray(0, 1000));
    const bad = ['first', 'second'].map((name) => ({ name, source: `${name}.gguf` }));
    const file = ground.write('sweep.yaml', sweep({ models: [TINY, ...bad] }));
    const wrong = refused(await ground.ridge(['run', file, '--out', 'out']), {
      code: 1,
      says: ['first.gguf', 'second.gguf'],
    });
    ground.write('sweep.yaml', sweep({ models: [TINY] }));
    const without = await ground.ridge(['run', file, '--out', 'out']);
    return [...wrong, ...ended(without, 0), ...complete(records(ground.path('out')), 1)];
  },
};

const unknownKeys: Case = {
  name: '2 an architecture nobody knows, its keys left as they were',
  async run(ground) {
    ground.write('odd.gguf', withArchitecture(tiny, 'mumbl', false));
    const file = ground.write('sweep.yaml', sweep({ models: [{ name: 'odd', source: 'odd.gguf' }] }));
    return refused(await ground.ridge(['run', file, '--out', 'out']), {
      code: 1,
      says: ['architecture is mumbl'],
    });
  },
};

/** The header is consistent, so only the engine can refuse: the other model's point is measured. */
function refusedByEngine(name: string, word: string, says: RegExp): Case {
  return {
    name,
    async run(ground) {
      ground.write('odd.gguf', withArchitecture(tiny, word, true));
      const models = [TINY, { name: 'odd', source: 'odd.gguf' }];
      const file = ground.write('sweep.yaml', sweep({ models }));
      const run = await ground.ridge(['run', file, '--out', 'out']);
      const results = records(ground.path('out'));
      const failure = results.find((record) => record.status === 'failed')?.failure;
      const wrong = [...ended(run, 1), ...printed(run, [says]), ...complete(results, 1)];
      return says.test(failure?.message ?? '') ? wrong : [...wrong, `the record says ${failure?.message}`];
    },
  };
}

const missing: Case = {
  name: '3 two model files that are not there',
  async run(ground) {
    const models = ['lost', 'gone'].map((name) => ({ name, source: `${name}.gguf` }));
    const file = ground.write('sweep.yaml', sweep({ models: [...models, TINY] }));
    return refused(await ground.ridge(['run', file, '--out', 'out']), {
      code: 2,
      says: ['lost.gguf', 'gone.gguf'],
    });
  },
};

const folderAsModel: Case = {
  name: '3 a folder where a model should be',
  async run(ground) {
    const file = ground.write('sweep.yaml', sweep({ models: [{ name: 'here', source: ground.folder }] }));
    return refused(await ground.ridge(['run', file, '--out', 'out']), { code: 2, says: [ground.folder] });
  },
};

const sweepFileMissing: Case = {
  name: '3 a sweep file that is not there',
  async run(ground) {
    return refused(await ground.ridge(['run', 'nothing.yaml']), { code: 2, says: ['nothing.yaml'] });
  },
};

function hugeContext(ground: Ground): KnownFacts {
  const path = ground.write('huge.gguf', withNumber(tiny, 'llama.context_length', 2 ** 31 - 1));
  return modelFacts(readGgufHeader(path));
}

const moreThanTheMachine: Case = {
  name: '6 a context of many times the memory, beside one that fits',
  async run(ground) {
    hugeContext(ground);
    const workload = { contextDepth: [0, 1_048_576], parallel: 128 };
    const models = [{ name: 'huge', source: 'huge.gguf' }];
    const file = ground.write('sweep.yaml', sweep({ models, workload }));
    const run = await ground.ridge(['run', file, '--out', 'out']);
    const wrong = [...ended(run, 1), ...printed(run, [/need [\d,]+ GB/, /has [\d.]+ GB/])];
    if (run.seconds > 20) wrong.push(`took ${run.seconds.toFixed(0)} s`);
    return [...wrong, ...complete(records(ground.path('out')), 1)];
  },
};

/** Held by this process meanwhile, as a neighbour would. */
const BALLAST_SHARE = 0.08;

/** Fits the machine, but not what is free of it: only the trial's own process can see that, and must in time. */
const moreThanIsFree: Case = {
  name: '6 a context larger than what is free',
  async run(ground) {
    const facts = hugeContext(ground);
    const runner = { flashAttention: true, ubatch: 1, kvCacheTypeK: 'f32', kvCacheTypeV: 'f32' };
    const parallel = 64;
    const experiment = (contextDepth: number) => ({
      technique: UNCHANGED,
      runner: { kind: 'llama-cpp', options: runner },
      workload: { kind: 'latency', options: { promptTokens: 8, generateTokens: 2, parallel, contextDepth } },
      device: 'cpu',
    });
    const bytes = (depth: number): number => predictMemory({ facts, experiment: experiment(depth) }).bytes;
    const ballast = Buffer.alloc(Math.floor(totalmem() * BALLAST_SHARE), 1);
    let depth = 0;
    while (bytes(depth + 4096) < totalmem() * 0.98) depth += 4096;
    if (depth > 1_000_000 || bytes(depth) < process.availableMemory() * 1.02)
      throw new NotRun('what is free here is all there is, even with some memory held');
    const models = [{ name: 'huge', source: 'huge.gguf' }];
    const workload = { contextDepth: depth, parallel };
    const file = ground.write('sweep.yaml', sweep({ models, runner, workload }));
    const run = await ground.ridge(['run', file, '--out', 'out']);
    // Read afterwards, so that it stays in memory until now.
    if (ballast.at(-1) !== 1) throw new NotRun('the memory could not be held');
    return [...ended(run, 1), ...printed(run, ['does-not-fit', /\d GB of memory are available/])];
  },
};

const largerThanFile: Case = {
  name: '6 a sparse file of 1 TB that claims to be a model',
  async run(ground) {
    const path = ground.write('sparse.gguf', tiny);
    try {
      truncateSync(path, 2 ** 40);
    } catch {
      throw new NotRun('this file system has no sparse files of 1 TB');
    }
    if (statSync(path).size !== 2 ** 40) throw new NotRun('this file system has no sparse files');
    const file = ground.write('sweep.yaml', sweep({ models: [{ name: 'sparse', source: 'sparse.gguf' }] }));
    return refused(await ground.ridge(['run', file, '--out', 'out']), { code: 1, says: ['sparse.gguf'] });
  },
};

export const MODEL_CASES: readonly Case[] = [
  ...truncated,
  besideGood,
  unknownKeys,
  refusedByEngine('2 an architecture nobody knows, beside a good model', 'mumbl', /mumbl/),
  refusedByEngine(
    '2 an architecture whose tensors are others, beside a good model',
    'qwen3',
    /qwen3.*tensor/,
  ),
  missing,
  folderAsModel,
  sweepFileMissing,
  moreThanTheMachine,
  moreThanIsFree,
  largerThanFile,
];
