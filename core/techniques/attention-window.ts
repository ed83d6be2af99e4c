import type { Rule } from '../experiment/rule.js';
import { fileArchitecture } from '../models/conversions.js';
import { readAttention } from './attention.js';

/**
 * Architectures whose graph takes its window from the file (llama.cpp v0.4.0, src/models: each reads
 * `attention.sliding_window` into n_swa and keeps it). Not among them: llama4, smallthinker (a window of
 * their own whatever the file says), phi3 (turned off), and all that have no window.
 */
const WINDOWED: ReadonlySet<string> = new Set([
  'afmoe',
  'cohere2',
  'cohere2moe',
  'exaone4',
  'exaone-moe',
  'gemma2',
  'gemma3',
  'gemma3n',
  'gemma4',
  'gpt-oss',
  'granite_swa',
  'laguna',
  'lfm2',
  'mellum',
  'mimo2',
  'olmo2',
  'plamo3',
  'step35',
]);

/** Architectures without a window, and the one that computes the same with one. */
export const REWRITTEN_AS: Readonly<Record<string, string>> = { llama: 'granite_swa' };

export interface WindowCandidate {
  readonly architecture: string;
  /** Whether its file says a window. */
  readonly hasWindow: boolean;
  readonly hasExperts: boolean;
}

/** @returns why llama.cpp would not keep to a window in this model, or null when it would. */
export function windowFlaw(model: WindowCandidate, fullEvery: number): string | null {
  const { architecture, hasWindow, hasExperts } = model;
  if (REWRITTEN_AS[architecture] !== undefined) {
    return hasExperts ? 'a window is given to dense models only, and this one has experts' : null;
  }
  if (!WINDOWED.has(architecture)) {
    return `llama.cpp’s graph of ${architecture} has no sliding window and would ignore one; a window can be given to llama and to models that have one`;
  }
  if (!hasWindow)
    return `it says no sliding window, so llama.cpp builds its graph of ${architecture} without one`;
  return fullEvery > 0
    ? `which layers of ${architecture} see all tokens is its own: leave fullEvery out`
    : null;
}

/** What a window would be ignored by is known before a file is opened, but for whether it says one itself. */
export const windows: Rule = {
  axes: ['model', 'attention'],
  reason({ model, attention }, facts) {
    const reading = readAttention(String(attention));
    const window = reading.ok ? (reading.value?.window ?? null) : null;
    const architecture = facts === null ? null : fileArchitecture(facts);
    if (architecture === null || window === null) return null;
    const hasExperts = (facts?.experts ?? 0) > 0;
    const flaw = windowFlaw({ architecture, hasWindow: true, hasExperts }, window.fullEvery);
    return flaw === null ? null : `model ${model}: ${flaw}`;
  },
};

/** llama.cpp src/llama-adapter.cpp: "model arch and LoRA arch mismatch". */
export const windowWithAdapter: Rule = {
  axes: ['attention', 'adapter'],
  reason({ attention, adapter }) {
    const reading = readAttention(String(attention));
    const windowed = reading.ok && (reading.value?.window ?? null) !== null;
    if (!windowed || adapter === 'none' || String(adapter).includes('mode=merged')) return null;
    return 'a model with a window is written under another architecture, and llama.cpp attaches an adapter to its own only: merge it (mode=merged)';
  },
};
