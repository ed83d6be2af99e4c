import { type Failure, type FailureCode, failure } from '../../core/errors.js';
import { formatValue } from '../../core/metrics/format.js';
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
  const { task, signal, exitCode, stderrTail, startError, last, timedOutAfterSeconds, stopReason } = facts;
  const ended = (code: FailureCode, what: string, hint: string | null = null) =>
    failure(code, `${task} ${what}`, { signal, exitCode, stderrTail, hint });
  if (startError !== null) return ended('internal', `could not be started: ${startError.message}`);
  if (last?.type === 'answer') return null;
  const smaller =
    'Choose a smaller model, context or batch, or raise memoryLimitBytes in the agent’s config.';
  const limit = `${((facts.memory.limitBytes ?? 0) / 2 ** 20).toFixed(0)} MiB`;
  if (facts.memory.exceeded) return ended('out-of-memory', `needed more than its limit of ${limit}`, smaller);
  const fewer =
    'Measure fewer tokens, or raise limits.trialTimeoutSeconds of the agent’s config and measure.trialTimeoutSeconds of the sweep, where it has one.';
  if (timedOutAfterSeconds !== null)
    return ended('timed-out', `ran longer than ${formatValue(timedOutAfterSeconds, 's')}`, fewer);
  if (stopReason !== null) return ended('cancelled', `was stopped: ${stopReason}`);
  if (last !== null) return { ...last.failure, stderrTail: last.failure.stderrTail ?? stderrTail };
  return died(facts, ended);
}

/**
 * What is printed before an abort: by ggml where and why, by C++ what an exception says that nobody caught,
 * such as that of a lost Vulkan device.
 */
const ABORTED = /^(?:\S+\.(?:c|cpp|cu|h|m):\d+:| *what\(\):) +(.+)$/m;

function died(
  { signal, exitCode, stderrTail, killedByUs, oomKillSeen }: EndingFacts,
  ended: (code: FailureCode, what: string, hint?: string) => Failure,
): Failure {
  const smaller = 'Choose a smaller model, context or batch, or a node with more memory.';
  if (signal === 'SIGKILL' && !killedByUs && oomKillSeen !== false)
    return ended('out-of-memory', 'was killed by the kernel, which ran out of memory', smaller);
  if (ALLOCATION_FAILED.test(stderrTail ?? ''))
    return ended('out-of-memory', 'died because memory could not be allocated');
  if (signal === null) return ended('crashed', `ended with exit code ${exitCode} and no answer`);
  const said = ABORTED.exec(stderrTail ?? '')?.[1];
  const hint = 'The last lines of stderr are in the record; the agent goes on with the next trial.';
  return ended('crashed', `was killed by ${signal}${said === undefined ? '' : `: ${said}`}`, hint);
}
