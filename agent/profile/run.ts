import type { Options } from '../../core/experiment/experiment.js';
import { readOptions } from '../../core/experiment/options.js';
import type { ProfiledOperator, ProfiledPhase, ProfileRecord } from '../../core/result/profile-record.js';
import { type LatencyWork, latencyOptions, latencyWorkOf } from '../../core/work/latency.js';
import { loadRunner } from '../../engines/runners/index.js';
import type { ProfiledGenerator } from '../../engines/runners/opened.js';
import { type ModelRequest, open } from '../../engines/runners/runner.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { median } from '../../statistics/quantile.js';
import { demandsOf } from '../workloads/latency.js';
import { type TokenPlan, tokenPlan } from '../workloads/tokens.js';

/** What is profiled: a latency workload on a runner that opens a profiled generator. */
export interface ProfileJob {
  readonly runnerKind: string;
  readonly model: ModelRequest;
  /** The options of the workload. */
  readonly workload: Options;
}

/** Rounds of each kind, unless they take longer than the budget together. */
const ROUNDS = 5;
const BUDGET_SECONDS = 30;
/** Decode steps of a round, at most: they are alike. */
const MOST_STEPS = 32;

/** One phase of one round. */
interface Timed {
  readonly seconds: number;
  readonly operators: () => readonly ProfiledOperator[];
}

/**
 * Runs a workload again and again, in turns as the engine does it and with every node of its graphs stamped,
 * in one context: their difference is what looking on costs. Opens native code: in a child process alone.
 * @throws FailureError as opening the model does.
 */
export async function profileModel(
  job: ProfileJob,
  onRound?: (done: number, of: number) => void,
): Promise<ProfileRecord> {
  const work = latencyWorkOf(readOptions(latencyOptions, job.workload));
  const request = { ...job.model, ...demandsOf(work) };
  const model = await open(await loadRunner(job.runnerKind), 'profiled-generator', request);
  try {
    const steps = Math.min(work.generateTokens, MOST_STEPS);
    const plan = tokenPlan(model.facts.vocabularySize, { ...work, generateTokens: steps });
    return rounds(model, plan, work, onRound);
  } finally {
    model.close();
  }
}

function rounds(
  model: ProfiledGenerator,
  plan: TokenPlan,
  counts: LatencyWork,
  onRound?: (done: number, of: number) => void,
): ProfileRecord {
  model.reset(0);
  if (counts.contextDepth > 0) model.prefill(plan.depth);
  const round = (watched: boolean) => {
    model.watch(watched);
    return roundOf(model, plan, counts);
  };
  // The first round of each kind warms up.
  round(false);
  round(true);
  const plain: ReturnType<typeof roundOf>[] = [];
  const watched: ReturnType<typeof roundOf>[] = [];
  const begin = monotonicSeconds();
  while (plain.length < ROUNDS && (plain.length === 0 || monotonicSeconds() - begin < BUDGET_SECONDS)) {
    plain.push(round(false));
    watched.push(round(true));
    onRound?.(plain.length, ROUNDS);
  }
  const phase = (name: 'prefill' | 'decode', tokens: number, passes: number): ProfiledPhase[] => {
    const shown = watched.map((times) => times[name]).filter((time) => time !== null);
    if (shown.length === 0) return [];
    const middle = shown.sort((a, b) => a.seconds - b.seconds)[Math.floor((shown.length - 1) / 2)]!;
    const plainSeconds = median(plain.map((times) => times[name]!.seconds));
    const operators = summed(middle.operators());
    return [{ name, tokens, passes, plainSeconds, profiledSeconds: middle.seconds, operators }];
  };
  const steps = plan.steps.length;
  const { promptTokens, sequences } = counts;
  return {
    rounds: plain.length,
    phases: [
      ...phase('prefill', promptTokens * sequences, 1),
      ...phase('decode', steps * sequences, Math.max(1, steps)),
    ],
  };
}

function roundOf(model: ProfiledGenerator, plan: TokenPlan, counts: LatencyWork) {
  model.reset(counts.contextDepth);
  const timed = (work: () => void): Timed => {
    model.take();
    const begin = monotonicSeconds();
    work();
    return { seconds: monotonicSeconds() - begin, operators: model.take() };
  };
  const prefill = counts.promptTokens === 0 ? null : timed(() => model.prefill(plan.prompt));
  const decode = plan.steps.length === 0 ? null : timed(() => void model.steps(plan.steps));
  return { prefill, decode };
}

/** Layers together: an operator of the same name does the same in each. */
function summed(all: readonly ProfiledOperator[]): ProfiledOperator[] {
  const operators = new Map<string, ProfiledOperator>();
  for (const one of all) {
    const key = `${one.module} ${one.operator} ${one.op} ${one.provider ?? ''}`;
    const known = operators.get(key);
    operators.set(key, known === undefined ? one : addOperators(known, one));
  }
  return [...operators.values()];
}

function addOperators(a: ProfiledOperator, b: ProfiledOperator): ProfiledOperator {
  const sumOf = (name: 'bytes' | 'flops') =>
    a[name] === undefined || b[name] === undefined ? {} : { [name]: a[name] + b[name] };
  const [calls, seconds] = [a.calls + b.calls, a.seconds + b.seconds];
  return { ...a, calls, seconds, ...sumOf('bytes'), ...sumOf('flops') };
}
