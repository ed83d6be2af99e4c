import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readOptions } from '../../core/experiment/options.js';
import { llamaCpp } from '../../core/runners/llama-cpp.js';
import type { ModelArchitecture } from '../../core/work/architecture.js';
import { FLASH, type SequenceGroup, UNFUSED } from '../../core/work/pass/setting.js';
import { passWork } from '../../core/work/pass-work.js';
import { loadLlama } from '../../engines/native/llama.js';
import { openEncoder } from '../../engines/runners/llama-cpp/encoder.js';
import { loadModel } from '../../engines/runners/llama-cpp/load.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import type { GraphNode } from '../../roofline/profile/nodes.js';
import { architectureFromConfig } from '../../roofline/readers/config.js';
import { architectureFromGguf } from '../../roofline/readers/gguf.js';
import type { ArchitectureReading } from '../../roofline/readers/reading.js';
import { sharedFolder } from '../support/folder.js';
import { compare, type Reason } from './graph/compare.js';
import { writeArchitecture } from './graph/gguf-of.js';
import { MODELS } from './graph/models.js';
import { recordGraphs } from './graph/recorder.js';

const folder = sharedFolder();

function read(reading: ArchitectureReading): ModelArchitecture {
  if (!reading.ok) throw new Error(`${reading.reason}. ${reading.hint}`);
  return reading.architecture;
}

/** The graphs of a prefill, of a second chunk behind it, and of a step. */
const PROMPT = 40;
const CHUNK = 24;
interface Pass {
  readonly phase: 'prefill' | 'decode';
  readonly batch: readonly SequenceGroup[];
  readonly nodes: readonly GraphNode[];
}

/** The graph of an encoder: one run. */
async function runsOf(path: string, flashAttention: boolean): Promise<Pass[]> {
  const recorder = recordGraphs(await loadLlama({ backend: 'shipped', deviceClass: 'cpu' }));
  const place = { modelPath: path, deviceClass: 'cpu', deviceId: 'cpu0', cpus: [0] };
  const graph = { items: 1, size: PROMPT, sizes: {}, seed: 1 };
  const options = readOptions(llamaCpp.options, { threads: 1, flashAttention });
  const encoder = await openEncoder({ ...place, options, graph }, recorder);
  try {
    recorder.take();
    encoder.call(1);
    const batch = [{ sequences: 1, newTokens: PROMPT, cachedTokens: 0 }];
    return [{ phase: 'prefill', batch, nodes: recorder.take() }];
  } finally {
    encoder.close();
    recorder.close();
  }
}

async function passesOf(path: string, flashAttention: boolean, sequences: number): Promise<Pass[]> {
  const recorder = recordGraphs(await loadLlama({ backend: 'shipped', deviceClass: 'cpu' }));
  const model = await loadModel(
    {
      modelPath: path,
      options: readOptions(llamaCpp.options, { threads: 1, flashAttention }),
      deviceClass: 'cpu',
      deviceId: 'cpu0',
      cpus: [0],
      contextTokens: 256,
      sequences,
    },
    recorder,
  );
  try {
    const tokens = (count: number) => Int32Array.from({ length: count }, (_, i) => 3 + ((i * 7) % 500));
    const each = (prompt: Int32Array) => Array.from({ length: sequences }, () => prompt);
    const taken = (phase: Pass['phase'], newTokens: number, cachedTokens: number, work: () => void): Pass => {
      recorder.take();
      work();
      return { phase, batch: [{ sequences, newTokens, cachedTokens }], nodes: recorder.take() };
    };
    return [
      taken('prefill', PROMPT, 0, () => model.prefill(each(tokens(PROMPT)))),
      taken('prefill', CHUNK, PROMPT, () => model.prefill(each(tokens(CHUNK)))),
      taken('decode', 1, PROMPT + CHUNK, () => model.step(tokens(sequences))),
    ];
  } finally {
    model.close();
    recorder.close();
  }
}

/** Which differences each family's graph has; every one of them has to be met, and no other. */
const EXPLAINED: Readonly<Record<string, readonly Reason[]>> = {
  llama: ['epilogue'],
  mixtral: ['epilogue', 'choice of experts', 'weighted experts'],
  qwen2: ['epilogue'],
  qwen3: ['epilogue'],
  'qwen3-moe': ['epilogue', 'choice of experts', 'weighted experts'],
  gemma3: ['epilogue', 'scaled queries'],
  phi3: ['epilogue', 'scaled queries'],
  gpt2: ['epilogue'],
  falcon: ['epilogue', 'rows of the norm'],
  'deepseek-v2': ['epilogue', 'copy', 'choice of experts', 'weighted experts', 'values in keys'],
  'deepseek-v3': ['epilogue', 'copy', 'choice of experts', 'weighted experts', 'values in keys'],
  'qwen2-moe': ['epilogue', 'choice of experts', 'weighted experts', 'shared gate'],
  gemma2: ['epilogue', 'scaled queries', 'caps'],
  olmo2: ['epilogue'],
  smollm3: ['epilogue'],
  'gpt-oss': ['epilogue', 'choice of experts', 'weighted experts'],
  bert: ['epilogue', 'copy'],
};

describe('FLOPs and bytes, operator by operator, against the graphs that llama.cpp computes', () => {
  for (const [name, { config, ...written }] of Object.entries(MODELS)) {
    for (const flash of [true, false]) {
      test(`${name}, ${flash ? 'flash attention' : 'attention in steps'}`, async () => {
        const path = join(folder, `${name}.gguf`);
        await writeArchitecture(path, read(architectureFromConfig(config)), written);
        const architecture = read(architectureFromGguf(readGgufHeader(path)));
        const [{ attention }] = architecture.layers as [ModelArchitecture['layers'][number]];
        const latentKeys = attention.kind === 'latent' ? attention.kvRank + attention.ropeLength : null;
        // Which experts are read is not in the graph: of one token it is clear how many, of 24 that it is
        // all.
        const sequences = architecture.layers.some(({ feedForward }) => feedForward.experts) ? 1 : 2;
        const met = new Set<Reason>();
        const isEncoder = architecture.encoder !== undefined;
        const passes = isEncoder ? await runsOf(path, flash) : await passesOf(path, flash, sequences);
        for (const { phase, batch, nodes } of passes) {
          const pass = passWork(architecture, {
            phase,
            batch,
            // As the engine runs on a CPU: activations in f32, the cache in f16 and padded, a mask that is
            // computed.
            activationBits: 32,
            trimsLastLayer: true,
            // Without a cache keys and values are cast for flash attention alone.
            ...(isEncoder && !flash ? { cacheBits: { key: 32, value: 32 } } : {}),
            attention: {
              ...(flash ? FLASH : UNFUSED),
              skipsMasked: false,
              padKeys: isEncoder ? 1 : 256,
              queryBlock: null,
              latent: 'absorbed',
            },
          });
          const { groups, explained } = compare(nodes, pass, latentKeys);
          for (const reason of explained.keys()) met.add(reason);
          for (const [group, { graph, pass: counted }] of groups) {
            const where = `${phase} ${group}`;
            expect([where, counted.flops]).toEqual([where, graph.flops]);
            // Experts that nobody chose are a fraction of one in the expectation.
            expect([where, Math.round(counted.bytes / 4) * 4]).toEqual([where, graph.bytes]);
          }
        }
        const copies: readonly Reason[] = flash ? [] : ['copy'];
        const expected = EXPLAINED[name]!.filter((reason) => flash || reason !== 'values in keys');
        expect([...met].sort()).toEqual([...new Set([...expected, ...copies])].sort());
      });
    }
  }
});
