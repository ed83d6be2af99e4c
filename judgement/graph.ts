import type { ApplicationRecord, GraphRecord, NodeRecord } from '../core/graph/record.js';
import { latencyOf } from '../core/graph/summary.js';
import { metricsOf } from '../core/metrics/catalogue.js';
import { type Warning, warnIf } from '../core/result/warnings.js';
import { mean } from '../statistics/summary.js';
import { allMissing, pooled, single } from './entries.js';
import type { Evidence, Findings } from './evidence.js';
import { NOT_APPLICABLE } from './not-applicable.js';

const NO_GRAPH = allMissing(metricsOf('graph'), NOT_APPLICABLE.graph);

const NONE_ENDED = 'no application ran from its start to its end';
const UNCOUNTED = 'the engine does not say how many tokens of prompts it had computed before';

/** Latency of whole applications, the share of it on the critical path, and what the requests shared. */
export function graphFindings({ input }: Evidence): Findings {
  const { graph } = input;
  if (graph === undefined) return { entries: NO_GRAPH, warnings: [] };
  const { applications, nodes, sitting, seconds } = graph;
  const latencies = applications.flatMap((one) => latencyOf(one) ?? []);
  const failed = applications.filter(({ outcome }) => outcome === 'failed');
  const endedNow = applications.filter((one) => one.outcome !== 'failed' && one.sitting === sitting);
  const prompts = nodes.filter(({ kind }) => kind === 'prompt');
  const calls = prompts.reduce((sum, node) => sum + node.calls, 0);
  const scored = applications.flatMap(({ scores }) => Object.values(scores)[0] ?? []);
  return {
    entries: {
      applicationLatencySeconds: single(latencies.length === 0 ? null : mean(latencies), NONE_ENDED),
      applicationLatencyP50Seconds: pooled(latencies, 0.5, NONE_ENDED),
      applicationLatencyP99Seconds: pooled(latencies, 0.99, NONE_ENDED),
      applicationsPerSecond: single(seconds > 0 ? endedNow.length / seconds : null, NONE_ENDED),
      failedApplicationsRatio: single(failed.length / Math.max(1, applications.length), NONE_ENDED),
      criticalPathRatio: single(pathRatio(applications), NONE_ENDED),
      requestsPerApplication: single(
        applications.length === failed.length ? null : calls / (applications.length - failed.length),
        NONE_ENDED,
      ),
      meanRequestsInFlight: single(graph.meanRequestsInFlight, NONE_ENDED),
      cachedPromptTokensRatio: single(cachedRatio(prompts), UNCOUNTED),
      graphTimeToFirstTokenSeconds: single(firstToken(prompts), 'no answer came in chunks'),
      applicationScoreRatio: single(
        scored.length === 0 ? null : mean(scored),
        'the items have no reference, or another scorer than those of the graph judges',
      ),
    },
    warnings: warningsOf(graph, failed),
  };
}

/**
 * The critical path's share of the time from start to end, averaged over applications. With a share of 1
 * there is no time between calls.
 */
function pathRatio(applications: readonly ApplicationRecord[]): number | null {
  const shares = applications.flatMap(({ outcome, pathSeconds, start, end }) =>
    outcome === 'complete' && pathSeconds !== null && end > start ? [pathSeconds / (end - start)] : [],
  );
  return shares.length === 0 ? null : mean(shares);
}

function cachedRatio(nodes: readonly NodeRecord[]): number | null {
  const sum = (name: 'promptTokens' | 'cachedTokens') =>
    nodes.reduce<number | null>(
      (all, node) => (all === null || node[name] === null ? null : all + node[name]),
      0,
    );
  const [cached, all] = [sum('cachedTokens'), sum('promptTokens')];
  return cached === null || all === null || all === 0 ? null : cached / all;
}

/** Mean over nodes, each weighted by how often it was asked. */
function firstToken(nodes: readonly NodeRecord[]): number | null {
  const known = nodes.filter(({ timeToFirstTokenP50 }) => timeToFirstTokenP50 !== null);
  const calls = known.reduce((sum, node) => sum + node.calls, 0);
  return calls === 0
    ? null
    : known.reduce((sum, node) => sum + node.timeToFirstTokenP50! * node.calls, 0) / calls;
}

function warningsOf({ applications, sitting }: GraphRecord, failed: readonly ApplicationRecord[]): Warning[] {
  const [first] = failed;
  const interrupted = applications.filter(({ outcome }) => outcome === 'interrupted').length;
  const ratio = `${failed.length} of ${applications.length} applications`;
  const many = failed.length > applications.length / 2 ? 'most-failed' : 'requests-failed';
  const resumed = `the run was interrupted and went on: ${interrupted} applications have no end-to-end time`;
  return [
    ...warnIf(first !== undefined, many, `${ratio} failed; the first: ${first?.reason}`),
    ...warnIf(sitting !== 0, 'run-resumed', resumed),
  ];
}
