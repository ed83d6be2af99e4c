/**
 * The child process: takes one order, carries it out, answers, exits. Native code may abort it at any
 * moment, and its event loop stands still while it computes; the parent knows both. It must never listen
 * for SIGSEGV: with a listener in place Node would spin for ever instead of dying.
 */
import { FailureError, failure, toFailure } from '../../core/errors.js';
import { measureQuality } from '../quality/measure.js';
import type { Watch } from '../quality/watch.js';
import { quantizerOf, runnerNamed } from '../runners/index.js';
import { readAffinity } from './affinity.js';
import { type Line, openLine } from './line.js';
import type { WorkerMessage, WorkerOrder } from './messages.js';
import { runTrial } from './trial.js';

/** The parent died: nobody is left to hear the answer. */
const EXIT_ORPHANED = 70;

/** How soon a fetch hears that it should end. */
const LOOK_MILLISECONDS = 200;

async function obey(order: WorkerOrder, line: Line): Promise<WorkerMessage> {
  switch (order.order) {
    case 'trial':
      return { type: 'outcome', outcome: await runTrial(order, line) };
    case 'quantize': {
      const quantize = await quantizerOf(order.runnerKind);
      if (quantize === null) {
        const message = `the runner ${order.runnerKind} cannot quantize`;
        return { type: 'failed', failure: failure('artifact-failed', message) };
      }
      const made = await quantize(order, (done, of) => line.send({ type: 'progress', done, of }));
      return { type: 'made', warnings: made.warnings, facts: made.facts };
    }
    case 'prune': {
      const [{ pruneFile }, { factsOf }] = await Promise.all([
        import('../pruning/prune.js'),
        import('../../core/techniques/pruning/summary.js'),
      ]);
      const { report, warnings } = await pruneFile(order, (done, of) =>
        line.send({ type: 'progress', done, of }),
      );
      return { type: 'made', warnings, facts: factsOf(report), report };
    }
    case 'synthesize': {
      const { writeSynthetic } = await import('../artifacts/synthetic/model.js');
      await writeSynthetic(order.outputPath, order.model);
      return { type: 'made', warnings: [], facts: {} };
    }
    case 'group-heads': {
      const { groupHeads } = await import('../artifacts/attention/group-heads.js');
      return { type: 'made', warnings: [], facts: await groupHeads(order) };
    }
    case 'give-window': {
      const { giveWindow } = await import('../artifacts/attention/window.js');
      return { type: 'made', warnings: [], facts: await giveWindow(order) };
    }
    case 'merge-adapters': {
      const { mergeAdapters } = await import('../artifacts/adapters/merge.js');
      const { mergeEngine } = await import('../native/adapter-kernels.js');
      const engine = await mergeEngine(order.threads);
      const progress = (done: number, of: number) => line.send({ type: 'progress', done, of });
      const { warnings, facts } = await mergeAdapters(order, engine, progress);
      return { type: 'made', warnings, facts };
    }
    case 'write-adapter': {
      const { writeAttachable } = await import('../artifacts/adapters/attach.js');
      return { type: 'made', facts: {}, ...(await writeAttachable(order, order.outputPath)) };
    }
    case 'fetch': {
      const { fetchModel } = await import('../artifacts/remote/fetch.js');
      const stopping = new AbortController();
      const look = setInterval(() => {
        const reason = line.stopReason();
        if (reason !== null) stopping.abort(new FailureError(failure('cancelled', reason)));
      }, LOOK_MILLISECONDS);
      await fetchModel(order.job, order.outputPath, stopping.signal, (doneBytes, totalBytes) =>
        line.send({ type: 'fetched', doneBytes, totalBytes }),
      ).finally(() => clearInterval(look));
      return { type: 'made', warnings: [], facts: {} };
    }
    case 'calibrate': {
      const { collectStatistics } = await import('../calibration/collect.js');
      const { unseen, ...facts } = await collectStatistics(order.job, order.outputPath, (done, of) =>
        line.send({ type: 'progress', done, of }),
      );
      const warnings = unseen.map(
        (name) => `the engine multiplies nothing with ${name}: no statistics of it`,
      );
      return { type: 'made', warnings, facts: { ...facts } };
    }
    case 'quality': {
      const outcome = await measureQuality(order.job, watchOf(line));
      return { type: 'quality', outcome };
    }
    case 'compare': {
      const { compareLogits } = await import('../quality/compare.js');
      return { type: 'compared', comparison: await compareLogits(order.job, watchOf(line)) };
    }
    case 'factors': {
      const { measureFactors } = await import('../factors/measure.js');
      const samples = await measureFactors(order.job, (done, of) =>
        line.send({ type: 'progress', done, of }),
      );
      return { type: 'timed-operators', samples };
    }
    case 'profile': {
      const { profileModel } = await import('../profile/run.js');
      const profile = await profileModel(order.job, (done, of) => line.send({ type: 'progress', done, of }));
      return { type: 'profiled', profile };
    }
    case 'roofs': {
      const { takeRoofs } = await import('../roofs/take.js');
      const taken = await takeRoofs(order.job, (done, of) => line.send({ type: 'progress', done, of }));
      return { type: 'roofs', taken };
    }
    case 'kernels': {
      const { runKernels } = await import('../kernels/run.js');
      const progress = (done: number, of: number) => line.send({ type: 'progress', done, of });
      return { type: 'kernels', answer: await runKernels(order.job, progress) };
    }
    case 'cuda-roofs': {
      const { takeCudaRoofs } = await import('../roofs/cuda-take.js');
      const taken = await takeCudaRoofs(order.job, (done, of) => line.send({ type: 'progress', done, of }));
      return { type: 'cuda-roofs', taken };
    }
    case 'probe':
      return { type: 'probed', probe: await (await runnerNamed(order.runnerKind)).probe() };
    default:
      return order satisfies never;
  }
}

function watchOf(line: Line): Watch {
  return {
    progress: (progress) => line.send({ type: 'quality-progress', progress }),
    async breathe() {
      await new Promise((resolve) => setImmediate(resolve));
      const reason = line.stopReason();
      if (reason !== null) throw new FailureError(failure('cancelled', reason));
    },
  };
}

let begun = false;
const line = openLine((order) => {
  if (begun) return;
  begun = true;
  line.send({ type: 'ready', affinity: readAffinity('self') });
  obey(order, line)
    .catch((error): WorkerMessage => ({ type: 'failed', failure: toFailure(error) }))
    .then((answer) => process.send?.(answer, () => process.exit(0)))
    .catch(() => process.exit(1));
});
process.on('disconnect', () => process.exit(EXIT_ORPHANED));
