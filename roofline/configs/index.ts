import { nearest } from '../../core/input/suggest.js';
import type { StoredBits } from '../readers/assemble.js';
import { architectureFromConfig } from '../readers/config.js';
import type { ArchitectureReading } from '../readers/reading.js';
import { GEMMA } from './gemma.js';
import { GPT } from './gpt.js';
import { LLAMA } from './llama.js';
import { MISTRAL } from './mistral.js';
import { OTHERS } from './others.js';
import type { PublishedConfig } from './published.js';
import { QWEN } from './qwen.js';

/** Published models by the name that `--model` takes. */
export const CONFIGS: ReadonlyMap<string, PublishedConfig> = new Map([
  ...LLAMA,
  ...MISTRAL,
  ...QWEN,
  ...GEMMA,
  ...GPT,
  ...OTHERS,
]);

/** @param name `llama-2-7b`, or the repository it is published in, `meta-llama/Llama-2-7b-hf`. */
export function namedArchitecture(name: string, bits: Partial<StoredBits> = {}): ArchitectureReading {
  const found = CONFIGS.get(name.toLowerCase()) ?? byRepository(name);
  if (found !== undefined) return architectureFromConfig(found.config, bits);
  const names = [...CONFIGS.keys()];
  const near = nearest(name.split('/').at(-1) ?? name, names);
  return {
    ok: false,
    reason: `no published model is called ${JSON.stringify(name)}`,
    hint: `${near === null ? '' : `Did you mean ${near}? `}Known are ${names.join(', ')}.`,
  };
}

function byRepository(name: string): PublishedConfig | undefined {
  const wanted = name.toLowerCase();
  if (!wanted.includes('/')) return undefined;
  return [...CONFIGS.values()].find(({ source }) => source.toLowerCase().includes(`/${wanted}/blob/`));
}
