import { asFile, openModel } from '../../artifacts/door/open.js';
import { FailureError, toFailure } from '../../core/errors.js';
import { formatsFor } from '../../core/runners/index.js';
import { launch } from '../../process/isolation/launch.js';
import { EXIT, fromFailure } from '../exit.js';
import { isMissing, settingsFor } from '../local-models.js';
import type { NodeOptions } from '../options/config.js';
import { ProgressLine } from '../output/progress-line.js';
import type { FOREGROUND } from '../single/foreground.js';

/** Options of commands that ask a model about text. */
export interface AskedOptions extends NodeOptions {
  readonly device: string;
  readonly threads?: number;
  readonly models: readonly string[];
}

/** A model that was opened. */
export type ResolvedModel = Awaited<ReturnType<typeof openModel>>;

/** Finds, fetches or converts a model that is to be asked. @throws CommandError. */
export async function openAsked(source: string, options: AskedOptions): Promise<ResolvedModel> {
  try {
    const settings = settingsFor(options, source);
    const formats = formatsFor('language-model');
    const model = await openModel(source, settings, formats);
    return model.path === null ? model : await asFile(model, settings, formats);
  } catch (error) {
    const reason = toFailure(error);
    if (reason.code === 'internal') throw error;
    throw fromFailure(reason, isMissing(reason) ? EXIT.usage : EXIT.failed);
  }
}

/** Plain output gets a line for each of so many parts. */
const PARTS = 4;

interface Progress {
  readonly what: string;
  readonly done: number;
  readonly total: number;
  readonly value: number | null;
}

/**
 * Has a model asked, and says on stderr how far it is.
 * @throws CommandError: words that cannot be are the user's (exit code 2), all else is a failure.
 */
export async function asking<T>(
  ask: (asking: Pick<typeof FOREGROUND, 'launcher'> & { progress(progress: Progress): void }) => Promise<T>,
  launcher: (typeof FOREGROUND)['launcher'] = launch,
): Promise<T> {
  const line = new ProgressLine(process.stderr);
  let before = '';
  const progress = ({ what, done, total, value }: Progress) => {
    const part = `${what} ${Math.floor((PARTS * done) / total)}`;
    const isDue = part !== before && done * PARTS >= total;
    if (isDue) before = part;
    line.update(`${what} ${done}/${total}${value === null ? '' : `  ${value.toPrecision(5)}`}`, isDue);
  };
  try {
    return await ask({ launcher, progress });
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    const { failure } = error;
    if (failure.code === 'cancelled') throw fromFailure(failure, EXIT.interrupted);
    throw fromFailure(failure, failure.code === 'impossible-combination' ? EXIT.usage : EXIT.failed);
  } finally {
    line.end();
  }
}
