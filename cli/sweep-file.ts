import { readFileSync } from 'node:fs';
import { parse } from 'node:path';
import { parseDocument, stringify } from 'yaml';
import { fileReport } from '../core/input/diagnostic.js';
import { fileProblem } from '../core/input/file-problem.js';
import { withoutEnding } from '../core/models/formats.js';
import { hubSource, isRemote } from '../core/models/remote.js';
import { isSynthetic } from '../core/models/synthetic.js';
import { sweepDocument } from '../core/sweep/document.js';
import { nameOfContent } from '../core/sweep/identity.js';
import { parseSweep } from '../core/sweep/parse.js';
import { nameFromSource } from '../core/sweep/resolve.js';
import { API_VERSION, type Sweep } from '../core/sweep/spec.js';
import { withinContext } from '../core/sweep/within-context.js';
import { formatOf } from '../formats/index.js';
import { usageError } from './exit.js';
import { say } from './output/print.js';

export interface SweepFile {
  readonly path: string;
  /** What was typed for it: a file, a model, or the command that made it. */
  readonly typed: string;
  readonly document: string;
  readonly sweep: Sweep;
}

/**
 * Starts of `--quick`, and of which share of a start's repeats each is: together they take as long as one.
 */
const QUICK_STARTS = 3;

/**
 * @returns the same sweep with three starts of each experiment in the time of one, whatever the file says:
 *   the first look of `--quick`.
 */
export function quickSweep(file: SweepFile): SweepFile {
  const { measure, startsPolicy } = file.sweep;
  const maxRepeats = Math.ceil(measure.maxRepeats / QUICK_STARTS);
  const sweep = {
    ...file.sweep,
    measure: {
      ...measure,
      maxRepeats,
      minRepeats: Math.min(measure.minRepeats, maxRepeats),
      maxSeconds: measure.maxSeconds === null ? null : measure.maxSeconds / QUICK_STARTS,
    },
    startsPolicy: { ...startsPolicy, starts: QUICK_STARTS, maxStarts: QUICK_STARTS },
  };
  return { ...file, sweep, document: stringify(sweepDocument(sweep)) };
}

/**
 * @returns the same sweep under strict gates, whatever the file says (`--strict`); what the file leaves open
 *   it still does.
 */
export function strictSweep(file: SweepFile): SweepFile {
  const document = parseDocument(file.document);
  document.setIn(['spec', 'measure', 'gates'], 'strict');
  const { sweep } = file;
  return {
    ...file,
    document: document.toString(),
    sweep: { ...sweep, measure: { ...sweep.measure, gates: 'strict' } },
  };
}

/**
 * Opens what a command that takes a sweep was given: a sweep file, or a model, which stands for the sweep
 * that has this model and every default.
 * @throws CommandError (exit code 2) with all errors of the file at once, or when it cannot be read.
 */
export function openSweep(fileOrModel: string): SweepFile {
  return isModel(fileOrModel)
    ? namelessSweep(
        nameFromSource(fileOrModel),
        fileOrModel,
        { models: fileOrModel },
        'Name a model, or a sweep file.',
      )
    : readSweepFile(fileOrModel);
}

/**
 * @returns whether a word names a model: by its scheme, by what the file or folder holds, or else by its
 *   ending.
 */
function isModel(argument: string): boolean {
  if (argument.startsWith('builtin:') || isSynthetic(argument) || isRemote(argument)) return true;
  try {
    formatOf(argument);
    return true;
  } catch {
    return withoutEnding(argument) !== argument;
  }
}

/**
 * Makes a sweep that is named after what it is of and what it asks, so that another one has another folder.
 * @param argument the first part of its name. @param typed what was typed for it.
 * @throws CommandError as `madeSweep`.
 */
export function namelessSweep(
  argument: string,
  typed: string,
  spec: Readonly<Record<string, unknown>>,
  hint: string,
  inWords?: (message: string) => string,
): SweepFile {
  return { ...madeSweep(nameOfContent(argument, spec), spec, hint, inWords), typed };
}

/**
 * Makes a sweep of what was said on a command line.
 * @param hint what to do where a value is one that a sweep cannot have.
 * @param inWords what is said of such a value, in the words of whoever typed it.
 * @throws CommandError (exit code 2) that says every value that is wrong.
 */
export function madeSweep(
  name: string,
  spec: Readonly<Record<string, unknown>>,
  hint: string,
  inWords = (message: string) => message,
): SweepFile {
  const document = stringify({ apiVersion: API_VERSION, kind: 'Sweep', metadata: { name }, spec });
  const parsed = parseSweep(document);
  if (parsed.ok) return { path: `${name}.yaml`, typed: name, document, sweep: parsed.sweep };
  const errors = parsed.diagnostics.map(({ message, suggestion }) =>
    suggestion === null ? inWords(message) : `${inWords(message)} (${suggestion})`,
  );
  throw usageError(errors.join('\n'), hint);
}

/**
 * Fits what a sweep leaves open to the context of its models, and says in one line what was chosen.
 * @param sweep the file's, with what is known of its models.
 */
export function fitted<T extends Pick<SweepFile, 'document' | 'sweep'>>(file: T): T {
  const found = withinContext(file.document, file.sweep);
  if (found === null) return file;
  const { chosen, model, contextLength, document, sweep } = found;
  say(`chosen for the ${contextLength} tokens of context that ${model} has: ${chosen.join(', ')}`);
  return { ...file, document, sweep };
}

/**
 * The sweep of a file as it is run here: fitted to its models, and only then made quick, for that writes
 * everything down.
 * @param models what was found of them, which is no part of the document.
 */
export function readyToRun(
  file: SweepFile,
  models: Sweep['models'],
  quick: boolean,
): Pick<SweepFile, 'document' | 'sweep'> {
  const fit = fitted({ ...file, sweep: { ...file.sweep, models } });
  if (!quick) return fit;
  const { document, sweep } = quickSweep({ ...fit, sweep: { ...fit.sweep, models: file.sweep.models } });
  return { document, sweep: { ...sweep, models } };
}

/**
 * Reads and checks a sweep file.
 * @throws CommandError (exit code 2) with its errors at once, or when the file cannot be read.
 */
export function readSweepFile(path: string): SweepFile {
  let document: string;
  try {
    document = readFileSync(path, 'utf8');
  } catch (error) {
    const meant = hubSource(path);
    if (meant !== null && (error as NodeJS.ErrnoException).code === 'ENOENT')
      throw usageError(`there is no file ${path}; a model of the Hugging Face hub is written ${meant}`);
    throw usageError(
      `cannot read the sweep file ${path}: ${fileProblem(error)}`,
      '`ridge init` writes one; examples that run are in docs/examples.',
    );
  }
  const parsed = parseSweep(document);
  if (!parsed.ok) {
    throw usageError(
      fileReport(path, parsed.diagnostics, parsed.more),
      'Nothing was started. Examples that run are in docs/examples; schemas/sweep.schema.json gives editors completion.',
    );
  }
  return named({ path, typed: path, document, sweep: parsed.sweep });
}

/**
 * A file that names no sweep is named after itself and what it holds; comments and the order of keys change
 * nothing.
 */
function named(file: SweepFile): SweepFile {
  const written = parseDocument(file.document);
  const place = ['metadata', 'name'];
  if (written.hasIn(place)) return file;
  written.setIn(place, nameOfContent(parse(file.path).name, written.toJS()));
  const document = written.toString();
  const parsed = parseSweep(document);
  return parsed.ok ? { ...file, document, sweep: parsed.sweep } : file;
}
