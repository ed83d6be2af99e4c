import { FolderBodies } from '../../artifacts/files/bodies.js';
import { failed } from '../../core/errors.js';
import type { OptionsOf } from '../../core/experiment/options.js';
import { allNodes } from '../../core/graph/graph.js';
import type { ApplicationRecord, GraphRecord } from '../../core/graph/record.js';
import { summarizeCalls } from '../../core/graph/summary.js';
import { textOf, type Value } from '../../core/graph/value.js';
import { externalName, type ScorerName } from '../../core/quality/scorers/index.js';
import { arrivalNamed } from '../../core/serving/arrivals.js';
import { graph as description } from '../../core/workloads/graph.js';
import type { Completions } from '../../engines/runners/opened.js';
import { type ReadGraph, readFound } from '../graph/files.js';
import { CallJournal } from '../graph/journal.js';
import { type RunTimes, runApplications } from '../graph/run.js';
import { Tools } from '../graph/tools.js';
import { type Scorers, scoreBy } from '../quality/scoring/scorers.js';
import { defineWorkload, type GraphInput, rest, type WorkloadContext } from './workload.js';

type GraphOptions = OptionsOf<typeof description>;

/** Applications of a request graph: each node asks as soon as what it uses is there. */
export const graph = defineWorkload(description, (wanted) => ({
  demands: {
    api: wanted.promptsAs === 'chat' ? 'chat' : 'completions',
    prefixes: wanted.prefixes,
    atOnce: wanted.requestsAtOnce,
    cacheTokens: wanted.cacheTokens,
    timeoutSeconds: wanted.requestTimeoutSeconds,
    exactLength: wanted.answersToLength,
  },

  async run(engine, context, input) {
    const read = readFound(input.files, wanted.settings);
    const tools = new Tools(read.documents, input.commands);
    const journal = new CallJournal(input.kept);
    try {
      await warmUp(engine, wanted.warmups, context);
      const applications = wanted.applications ?? read.items.length;
      const times = await runApplications({
        read,
        engine,
        tools,
        journal,
        applications,
        arrival: arrivalNamed(wanted.applicationArrival, {
          atOnce: wanted.applicationsAtOnce,
          perSecond: wanted.applicationsPerSecond,
          toPerSecond: wanted.applicationsRampToPerSecond,
          burstiness: wanted.burstiness,
          count: applications,
          seconds: null,
        }),
        seed: wanted.loadSeed,
        separate: wanted.execution === 'separate',
        networkDelaySeconds: wanted.networkDelayMs / 1000,
        requestsAtOnce: wanted.requestsAtOnce,
        temperature: wanted.temperature,
        maxTokens: wanted.maxTokens,
        now: context.now,
        stopReason: context.stopReason,
      });
      const reason = context.stopReason();
      if (reason !== null) throw failed('cancelled', `the trial was stopped: ${reason}`);
      context.stamp('serve', 0, times.origin, times.end, outputTokens(journal));
      const record = await recordOf({ read, engine, journal, wanted, input, times });
      return {
        repeats: 1,
        warmups: wanted.warmups,
        warmupSettled: true,
        stop: 'load-done',
        halfWidth: null,
        tokenSeconds: [],
        findings: { of: 'graph', record },
      };
    } finally {
      journal.close();
    }
  },
}));

async function warmUp(
  engine: Completions,
  rounds: number,
  { now, stamp, checkStop }: WorkloadContext,
): Promise<void> {
  const start = now();
  for (let i = 0; i < rounds; i++) {
    await engine.prepare();
    await rest({ checkStop });
  }
  if (rounds > 0) stamp('warm-up', 0, start, now(), 0);
}

/** Of this sitting. */
function outputTokens(journal: CallJournal): number {
  let tokens = 0;
  for (const call of journal.calls()) if (call.sitting === journal.sitting) tokens += call.outputTokens ?? 0;
  return tokens;
}

interface Ran {
  readonly read: ReadGraph;
  readonly engine: Completions;
  readonly journal: CallJournal;
  readonly wanted: GraphOptions;
  readonly input: GraphInput;
  readonly times: RunTimes;
}

async function recordOf({ read, engine, journal, wanted, input, times }: Ran): Promise<GraphRecord> {
  const networkDelaySeconds = wanted.networkDelayMs / 1000;
  const seconds = times.end - times.origin;
  const ended = journal.ended.toSorted((a, b) => a.application - b.application);
  const applications = [...(await judged(ended, read, input.scorers))];
  const order = allNodes(read.graph.body).map(({ name }) => name);
  const submitted = wanted.execution === 'graph' ? networkDelaySeconds : 0;
  const { sitting } = journal;
  return {
    graph: read.graph.name,
    digest: read.digest,
    execution: wanted.execution,
    networkDelaySeconds,
    sharing: engine.sharing,
    seconds,
    sitting,
    applications,
    ...summarizeCalls(journal.calls(), applications, order, { submitted, sitting, seconds }),
    calls: await journal.keep(new FolderBodies(input.kept.folder)),
  };
}

/**
 * Has commands of the node judge final answers, where the graph names some.
 * @throws FailureError of one that fails.
 */
async function judged(
  applications: readonly ApplicationRecord[],
  { graph: { scorers, reference }, items }: ReadGraph,
  profiles: Scorers,
): Promise<readonly ApplicationRecord[]> {
  let scored = applications;
  for (const name of scorers) {
    const external = externalName(name as ScorerName);
    if (external === null || reference === null) continue;
    const answered = scored.filter(({ answer }) => answer !== null);
    const found = await scoreBy(
      external,
      profiles[external]!,
      answered.map(({ application, item, answer }) => {
        const wanted = items[application % items.length]![reference];
        const references = wanted === undefined ? [] : [wanted].flat().map((one) => textOf(one as Value));
        const prompt = JSON.stringify(items[application % items.length]);
        return { id: item, prompt, answer: answer!, references };
      }),
    );
    const byApplication = new Map(answered.map(({ application }, i) => [application, found[i] ?? null]));
    scored = scored.map((one) => ({
      ...one,
      scores: { ...one.scores, [name]: byApplication.get(one.application) ?? null },
    }));
  }
  return scored;
}
