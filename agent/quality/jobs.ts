import { failed } from '../../core/errors.js';
import type { QualityOutcome, QualityRequest } from '../../core/quality/outcome.js';
import type { Channel } from '../../process/isolation/channel.js';
import type { Job } from '../../process/isolation/job.js';
import type { CompareJob, Comparison } from './opened/compare.js';
import type { ExitsFound, ExitsJob } from './opened/exits.js';
import type { JudgeJob, ScoreReport } from './opened/judge.js';
import type { QualityJob } from './opened/measure.js';
import type { ByFiles, QuestionsFound, QuestionsRequest } from './questions/questions.js';
import type { ServedQualityJob } from './served/measure.js';
import type { QualityProgress, Watch } from './watch.js';

export interface QualityReport {
  readonly type: 'quality-progress';
  readonly progress: QualityProgress;
}

async function read<Asking extends { readonly request: QualityRequest }>(job: ByFiles<Asking>) {
  return await (await import('./questions/questions.js')).withQuestions(job);
}

/** Reads task files, which a stranger may have written: whatever their templates do ends with the child. */
export const QUESTIONS: Job<QuestionsRequest, QuestionsFound> = {
  name: 'questions',
  what: 'reading the task files',
  run: async (request) => (await import('./questions/questions.js')).questionsIn(request),
};

/** Scores what a model says; nothing is timed. */
export const QUALITY: Job<ByFiles<QualityJob>, QualityOutcome, QualityReport> = {
  name: 'quality',
  what: 'the measurement of quality',
  async run(job, channel) {
    const { measureQuality } = await import('./opened/measure.js');
    return await measureQuality(await read<QualityJob>(job), watchOf(channel));
  },
};

/** Scores what a server says, and tells. */
export const SERVED_QUALITY: Job<ByFiles<ServedQualityJob>, QualityOutcome, QualityReport> = {
  name: 'served-quality',
  what: 'the measurement of quality',
  async run(job, channel) {
    const { measureServedQuality } = await import('./served/measure.js');
    return await measureServedQuality(await read<ServedQualityJob>(job), watchOf(channel));
  },
};

/** Holds the logits of two models against each other. */
export const COMPARE: Job<CompareJob, Comparison, QualityReport> = {
  name: 'compare',
  what: 'the comparison',
  run: async (job, channel) => (await import('./opened/compare.js')).compareLogits(job, watchOf(channel)),
};

/** Asks a model at several depths. */
export const EXITS: Job<ExitsJob, ExitsFound, QualityReport> = {
  name: 'exits',
  what: 'the reading of exits',
  run: async (job, channel) => (await import('./opened/exits.js')).measureExits(job, watchOf(channel)),
};

/** Lets a model rate the answers of others. */
export const JUDGE: Job<JudgeJob, number, ScoreReport> = {
  name: 'judge',
  what: 'the judge',
  run: async (job, channel) => (await import('./opened/judge.js')).judgeAnswers(job, channel),
};

/**
 * Of one task: a report of each of 50,000 items would cost its parent as much as a short question costs the
 * model.
 */
const MOST_REPORTS = 1000;

function watchOf(channel: Channel<QualityReport>): Watch {
  return {
    progress(progress) {
      const { done, total } = progress;
      if (done % Math.ceil(total / MOST_REPORTS) === 0 || done === total)
        channel.send({ type: 'quality-progress', progress });
    },
    async checkStop() {
      await new Promise((resolve) => setImmediate(resolve));
      const reason = channel.stopReason();
      if (reason !== null) throw failed('cancelled', reason);
    },
  };
}
