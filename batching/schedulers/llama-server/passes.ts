import type { Chunk } from '../../../roofline/step/setting.js';
import type { StepPass } from '../scheduler.js';

/** What a slot has in a step: a token of its answer (`chunk` is null), or a piece of its prompt. */
export interface SlotWork {
  readonly slot: number;
  readonly chunk: Chunk | null;
}

interface Open extends SlotWork {
  done: number;
}

const tokensOf = ({ chunk }: SlotWork) => chunk?.newTokens ?? 1;

/**
 * Cuts a step into passes as llama.cpp does where every slot has a cache of its own (`llama-batch.cpp`,
 * `split_equal`, v0.4.0): a pass takes the same number of tokens of each of its slots, and their numbers
 * follow one another. So a prompt beside decodes takes a pass for its first token and another for the rest,
 * and a slot without work splits a step of decodes in two.
 * @param work in the order of the batch: slots that decode, and behind them slots that read prompts.
 * @param passTokens tokens of a pass, at most (`--ubatch-size`).
 */
export function equalPasses(work: readonly SlotWork[], passTokens: number): StepPass[] {
  const passes: StepPass[] = [];
  let open: Open[] = work.map((one) => ({ ...one, done: 0 }));
  while (open.length > 0) {
    const taken = neighbours(open, passTokens);
    const left = Math.min(...taken.map((one) => tokensOf(one) - one.done));
    const each = Math.max(1, Math.min(left, Math.floor(passTokens / taken.length)));
    passes.push({
      decodes: taken.filter(({ chunk }) => chunk === null).length,
      chunks: taken.flatMap(({ chunk, done }) =>
        chunk === null ? [] : [{ newTokens: each, cachedTokens: chunk.cachedTokens + done }],
      ),
    });
    for (const one of taken) one.done += each;
    open = open.filter((one) => one.done < tokensOf(one));
  }
  return passes;
}

/** @returns the first of them, and those behind whose slots follow it without a gap. */
function neighbours(open: readonly Open[], most: number): Open[] {
  const taken: Open[] = [];
  for (const one of open) {
    if (taken.length === most) break;
    const last = taken.at(-1);
    if (last === undefined || one.slot === last.slot + 1) taken.push(one);
  }
  return taken;
}
