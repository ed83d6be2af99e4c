import { type Failure, failure } from '../../core/errors.js';
import type { LastMessage } from './messages.js';

/** What the parent knows when a child has ended. */
export interface EndingFacts {
  /** What was asked of it, for the sentence: `the trial`, `the quantization`, `the probe`. */
  readonly task: string;
  /** The child's last word; null when it died without one. */
  readonly last: LastMessage | null;
  readonly startError: Error | null;
  readonly timedOutAfterSeconds: number | null;
  readonly stopReason: string | null;
  readonly memory: { readonly exceeded: boolean; readonly limitBytes: number | null };
  /** True when the SIGKILL was the agent's own. */
  readonly killedByUs: boolean;
  /** The kernel's count of memory kills rose meanwhile; null = it does not say. */
  readonly oomKillSeen: boolean | null;
  readonly signal: string | null;
  readonly exitCode: number | null;
  readonly stderrTail: string | null;
}

/** Sentences with which allocators give up before the kernel has to. */
const ALLOCATION_FAILED = /std::bad_alloc|heap out of memory|cannot allocate memory|failed to allocate/i;

/**
 * Finds the one cause of a child's ending; the first that applies wins, so that a trial stopped for its
 * time is not called a crash.
 * @returns null when the child answered and nothing went wrong.
 */
export function causeOf(facts: EndingFacts): Failure | null {
  const rest = { signal: facts.signal, exitCode: facts.exitCode, stderrTail: facts.stderrTail };
  if (facts.startError !== null) {
    return failure('internal', `${facts.task} could not be started: ${facts.startError.message}`, rest);
  }
  if (facts.last?.type === 'answer') return null;
  if (facts.memory.exceeded) {
    return failure('out-of-memory', `${facts.task} needed more than its limit of ${limit(facts)}`, {
      ...rest,
      hint: 'Choose a smaller model, context or batch, or raise memoryLimitBytes in the agent’s config.',
    });
  }
  if (facts.timedOutAfterSeconds !== null) {
    return failure('timed-out', `${facts.task} ran longer than ${facts.timedOutAfterSeconds} s`, {
      ...rest,
      hint: 'Measure fewer tokens, or raise limits.trialTimeoutSeconds of the agent’s config and measure.trialTimeoutSeconds of the sweep, where it has one.',
    });
  }
  if (facts.stopReason !== null) {
    return failure('cancelled', `${facts.task} was stopped: ${facts.stopReason}`, rest);
  }
  if (facts.last !== null) {
    const said = facts.last.failure;
    return { ...said, stderrTail: said.stderrTail ?? facts.stderrTail };
  }
  return died(facts, rest);
}

/** What ggml prints before it aborts: where, and why. */
const ENGINE_ABORTED = /^\S+\.(?:c|cpp|cu|h|m):\d+: (.+)$/m;

function died(facts: EndingFacts, rest: Partial<Failure>): Failure {
  if (facts.signal === 'SIGKILL' && !facts.killedByUs && facts.oomKillSeen !== false) {
    return failure('out-of-memory', `${facts.task} was killed by the kernel, which ran out of memory`, {
      ...rest,
      hint: 'Choose a smaller model, context or batch, or a node with more memory.',
    });
  }
  if (ALLOCATION_FAILED.test(facts.stderrTail ?? '')) {
    return failure('out-of-memory', `${facts.task} died because memory could not be allocated`, rest);
  }
  if (facts.signal !== null) {
    const said = ENGINE_ABORTED.exec(facts.stderrTail ?? '')?.[1];
    const why = said === undefined ? '' : `: ${said}`;
    return failure('crashed', `${facts.task} was killed by ${facts.signal}${why}`, {
      ...rest,
      hint: 'The last lines of stderr are in the record; the agent goes on with the next trial.',
    });
  }
  return failure('crashed', `${facts.task} ended with exit code ${facts.exitCode} and no answer`, rest);
}

function limit(facts: EndingFacts): string {
  return `${((facts.memory.limitBytes ?? 0) / 2 ** 20).toFixed(0)} MiB`;
}
