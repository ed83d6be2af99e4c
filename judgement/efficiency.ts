import { deviceKind } from '../core/experiment/experiment.js';
import { compressionRatio, repeatSeconds } from '../core/metrics/derive.js';
import { gaugeMean, type Reading } from '../core/metrics/integrate.js';
import type { TrialFacts } from '../core/result/result.js';
import { spanReading } from './coverage.js';
import { cpuUse } from './cpu.js';
import { type Entry, perRepeat, single } from './entries.js';
import type { Evidence, Findings } from './evidence.js';
import { NOT_APPLICABLE } from './not-applicable.js';
import { type Answers, performanceRatio } from './quality.js';

/**
 * The metrics by which EfficientLLM (arXiv 2505.13840) compares techniques, computed by its formulas from the
 * measurements. Its compression rate assumes that every int4 model is 4 times smaller; ours uses the bytes of
 * the file.
 */
export function efficiencyFindings(evidence: Evidence): Findings {
  const { input, repeats } = evidence;
  const onCpu = deviceKind(input.experiment.device) === 'cpu';
  const reasonOf = (quantity: string) => input.absent[quantity] ?? `${quantity} was not sampled`;
  const busy = utilization(evidence, reasonOf, onCpu);
  const latencies = repeats.map(repeatSeconds).filter((seconds) => seconds > 0);
  const rates = repeats
    .filter(({ decode }) => decode !== null && decode.tokens > 0)
    .map((repeat) => repeat.decode!.tokens / repeatSeconds(repeat));
  const making = makingOf(input.artifact);
  return {
    entries: {
      averageUtilizationRatio: single(busy.value, busy.value === null ? busy.reason : ''),
      averageLatencySeconds: perRepeat(latencies, 'nothing was measured'),
      outputTokensPerSecond: perRepeat(rates, NOT_APPLICABLE.decode),
      modelCompressionRate: compressionRate(input),
      weightSparsityRatio: single(making?.sparsity ?? null, NOT_APPLICABLE.pruning),
      adapterBytes: single(adapterBytesOf(input.artifact), NOT_APPLICABLE.adapter),
      adapterLoadSeconds: single(input.given.adapterLoadSeconds, NOT_APPLICABLE.adapter),
      makeSeconds: single(
        making?.seconds ?? null,
        making === null ? 'the base was run as it is' : 'an earlier trial made the file',
      ),
    },
    warnings: [],
  };
}

/** For a GPU, the utilization that its driver reports; for a CPU, the used share of the trial's CPUs. */
function utilization(evidence: Evidence, absent: (quantity: string) => string, onCpu: boolean): Reading {
  const { input, series, span } = evidence;
  if (!onCpu) {
    const quantity = 'deviceUtilizationRatio';
    return spanReading(series.get(quantity), span, absent(quantity), gaugeMean);
  }
  const { process } = cpuUse(evidence, absent);
  return process.value === null ? process : { ...process, value: process.value / input.given.cores };
}

/** @returns how much smaller the file is, times what is left of the base's performance. */
export function compressionRate(facts: Answers & Pick<TrialFacts, 'given' | 'artifact'>): Entry {
  const { baseBytes, modelBytes } = facts.given;
  const performance = performanceRatio(facts);
  if (performance.value === null) return single(null, performance.reason);
  if (baseBytes === null || modelBytes === null)
    return single(null, 'the weight bytes of the base file are not known');
  // Attached adapters are stored and loaded like weights, so they count.
  const bytes = modelBytes + (adapterBytesOf(facts.artifact) ?? 0);
  return single(compressionRatio(baseBytes, bytes) * performance.value, '');
}

type Artifact = TrialFacts['artifact'];

/** @returns bytes of the adapters that ran beside the weights; null when none did. */
function adapterBytesOf(artifact: Artifact): number | null {
  if (artifact === null || artifact.adapters.length === 0) return null;
  return artifact.adapters.reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * @returns how long making the file took, and the share of zeros in its pruned matrices. The seconds are null
 *   where an earlier trial made the file; all is null when nothing was made.
 */
function makingOf(artifact: Artifact): { seconds: number | null; sparsity: number | null } | null {
  if (artifact === null || artifact.steps.length === 0) return null;
  const sparsity = artifact.steps.flatMap(({ facts }) =>
    typeof facts.sparsity === 'number' ? facts.sparsity : [],
  );
  return { seconds: artifact.makeSeconds, sparsity: sparsity.at(-1) ?? null };
}
