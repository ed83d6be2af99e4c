import { type Failure, type FailureCode, type FailureError, failed, failure } from '../../../core/errors.js';
import type { EngineLog } from '../../native/llama.js';

/** What the engine prints when it gives up, and what that means here. The first match counts. */
const MODEL_REASONS: readonly [RegExp, FailureCode, string][] = [
  [
    /unknown model architecture|unsupported model|unknown.*pre-tokenizer/i,
    'model-unsupported',
    'Use a model that this llama.cpp release knows.',
  ],
  [
    /bad_alloc|unable to allocate|failed to allocate|out of memory/i,
    'does-not-fit',
    'Use a smaller model or quantization, or a device with more memory.',
  ],
  [
    /magic|gguf|corrupt|incomplete|out of bounds|not within|read|tensor|key not found|invalid|tokenizer|vocab/i,
    'model-unreadable',
    'Fetch or convert the file again: it is damaged or incomplete.',
  ],
];

/**
 * @param architecture what the file says it is, since most of the engine's reasons leave it out; null =
 *   unknown.
 * @returns why a model did not load, in the engine's words.
 */
export function modelFailure(file: string, architecture: string | null, log: EngineLog): Failure {
  const said = log.errors() ?? 'it gave no reason';
  const [, code, hint] = MODEL_REASONS.find(([pattern]) => pattern.test(said)) ?? [
    null,
    'load-failed' as const,
    null,
  ];
  const named =
    architecture === null || said.includes(architecture) ? '' : `, of architecture ${architecture}`;
  return failure(code, `llama.cpp cannot load ${file}${named}: ${said}.`, { hint });
}

/** @returns why a context could not be made, in the engine's words. */
export function contextFailure(tokens: number, sequences: number, log: EngineLog): Failure {
  const said = log.errors() ?? 'it gave no reason';
  const what = `a context of ${sequences} × ${tokens} tokens`;
  if (/requires Flash Attention|requires flash_attn|not supported/i.test(said)) {
    return failure('impossible-combination', `llama.cpp cannot make ${what}: ${said}.`, {
      hint: 'Exclude this combination in the sweep.',
    });
  }
  const memory = /alloc|memory|buffer/i.test(said);
  return failure(memory ? 'does-not-fit' : 'load-failed', `llama.cpp cannot make ${what}: ${said}.`, {
    hint: memory ? 'Lower contextDepth, promptTokens or parallel, or use a smaller kvCacheType.' : null,
  });
}

/** @returns why a batch of so many tokens was not evaluated, by the code of `llama_decode`. */
export function decodeFailure(code: number, tokens: number, log: EngineLog): FailureError {
  const reason = code === 1 ? 'the KV cache is full' : (log.errors() ?? `code ${code}`);
  return failed('run-failed', `llama.cpp could not evaluate ${tokens} tokens: ${reason}.`);
}
