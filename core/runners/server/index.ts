import { llamaServerPasses } from '../../work/llama-cpp.js';
import { pagedPasses } from '../../work/paged.js';
import { LLAMA_CPP_RULES, llamaCpp } from '../llama-cpp.js';
import type { RunnerKind } from '../runner.js';
import { PROFILES } from './gen/profiles.js';
import { serverKind } from './kind.js';
import type { ServerProfile } from './profile.js';

export { PROFILES } from './gen/profiles.js';

/**
 * Every server that a sweep can name, by the name of its profile. SGLang and TGI read prompts in passes of
 * their own; the others mix.
 */
export const SERVER_KINDS = {
  'llama-server': serverKind(PROFILES['llama-server'], {
    rules: LLAMA_CPP_RULES,
    plainRunner: llamaCpp.kind,
    passes: llamaServerPasses,
    fitted: true,
  }),
  openai: serverKind(PROFILES.openai),
  sglang: serverKind(PROFILES.sglang, { passes: pagedPasses(false), tables: 'sglang' }),
  'simulated-server': serverKind(PROFILES['simulated-server'], {
    madeUp: 'the simulated server answers as fast as it is told to',
  }),
  'tensorrt-llm': serverKind(PROFILES['tensorrt-llm'], { passes: pagedPasses(true), tables: 'trtllm' }),
  tgi: serverKind(PROFILES.tgi, { passes: pagedPasses(false) }),
  vllm: serverKind(PROFILES.vllm, { passes: pagedPasses(true), tables: 'vllm' }),
} satisfies Readonly<Record<keyof typeof PROFILES, RunnerKind>>;

export type ServerKindName = keyof typeof SERVER_KINDS;

/** The profile of a server of which nothing is known but its API. */
export const ANY_SERVER = 'openai' as const satisfies ServerKindName;

/** @returns the profile of a runner; undefined for one that is no server. */
export function profileOf(kind: string): ServerProfile | undefined {
  return Object.hasOwn(PROFILES, kind) ? PROFILES[kind as ServerKindName] : undefined;
}
