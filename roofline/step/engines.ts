import { nearest } from '../../core/input/suggest.js';
import { engineName } from '../operators/engines.js';
import fittedHosts from './host-times.json' with { type: 'json' };
import type { EngineMemory } from './residency.js';
import { type GraphSetting, type HostTimes, NO_HOST } from './setting.js';

/** What is known of an engine beside its kernels, whose times are in tables. */
export interface ServingEngine {
  /** As commands and tables name it. */
  readonly id: string;
  readonly name: string;
  readonly host: HostTimes;
  readonly graphs: GraphSetting;
  readonly memory: EngineMemory;
}

const GIB = 2 ** 30;

/** 1, 2, 4, and in eights up to 512: what vLLM and SGLang capture unless told otherwise. */
const GRAPH_SIZES = [1, 2, 4, ...Array.from({ length: 64 }, (_, i) => 8 * (i + 1))];

/**
 * Sources of memory: vLLM's log of what lies beside PyTorch on an H100 (0.16 GiB on one device,
 * github.com/vllm-project/vllm/pull/12126) and of graphs of Qwen3-8B (0.52 GiB, counted since v0.21,
 * github.com/LMCache/LMCache/issues/3430), the defaults in the documentation of each engine, and what NCCL
 * takes (nccl_mem of aiconfigurator's h100_sxm.yaml).
 */
const KNOWN: Readonly<Record<string, Omit<ServingEngine, 'id' | 'name' | 'host'>>> = {
  vllm: {
    graphs: { sizes: GRAPH_SIZES, launchSeconds: null },
    memory: {
      share: 0.9,
      shareOf: 'device',
      holdsActivations: true,
      contextBytes: 0.2 * GIB,
      linkBytes: 0.4 * GIB,
      graphBytes: 0.5 * GIB,
      passTokens: 8192,
      mostSequences: 1024,
      blockTokens: 16,
    },
  },
  sglang: {
    graphs: { sizes: GRAPH_SIZES, launchSeconds: null },
    memory: {
      share: 0.88,
      shareOf: 'device',
      holdsActivations: false,
      contextBytes: 0.5 * GIB,
      linkBytes: 0.4 * GIB,
      graphBytes: 0,
      passTokens: 8192,
      mostSequences: 1024,
      blockTokens: 1,
    },
  },
  trtllm: {
    graphs: { sizes: GRAPH_SIZES, launchSeconds: null },
    memory: {
      share: 0.9,
      shareOf: 'free',
      holdsActivations: true,
      contextBytes: 1 * GIB,
      linkBytes: 0.4 * GIB,
      graphBytes: 0.5 * GIB,
      passTokens: 8192,
      mostSequences: 2048,
      blockTokens: 32,
    },
  },
};

/** Fitted on measured servers by `npm run bench -- silicon --write`; NOTICE has whose they are. */
const HOSTS: Readonly<Record<string, HostTimes>> = fittedHosts;

export const SERVING_ENGINES: readonly ServingEngine[] = Object.entries(KNOWN).map(([id, known]) => ({
  ...known,
  id,
  name: engineName(id),
  host: HOSTS[id] ?? NO_HOST,
}));

/** Whose measured operators are taken where nobody says. */
export const DEFAULT_ENGINE = SERVING_ENGINES[0]!.id;

/** An engine, and a release of it; null = the newest that was measured. */
export interface AskedEngine {
  readonly engine: ServingEngine;
  readonly release: string | null;
}

/** @returns what `vllm` and `vllm@0.24.0` ask for; null for an engine that is not known. */
export function readEngine(word: string): AskedEngine | null {
  const [name = '', release = null] = word.split('@');
  const engine = servingEngineNamed(name);
  return engine === null || release === '' ? null : { engine, release };
}

/** @returns null for a name of none. */
export function servingEngineNamed(name: string): ServingEngine | null {
  const wanted = plain(name);
  return SERVING_ENGINES.find((known) => [known.id, plain(known.name)].includes(wanted)) ?? null;
}

const plain = (text: string) => text.toLowerCase().replace(/[^a-z]/g, '');

/** @returns one clause about a word that asks for none. */
export function unknownEngine(word: string): string {
  const known = SERVING_ENGINES.map(({ id }) => id);
  const guess = nearest(word.split('@')[0] ?? word, known);
  const meant = guess === null ? '' : `; did you mean ${guess}?`;
  return `there are no measured operators of an engine ${JSON.stringify(word)}: known are ${known.join(', ')}, each also as NAME@RELEASE${meant}`;
}
