import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileReport } from '../../core/input/diagnostic.js';
import { fileProblem } from '../../core/input/file-problem.js';
import { groupBy } from '../../core/maps.js';
import type { ModelArchitecture } from '../../core/work/architecture.js';
import { parseRoofline } from '../../roofline/analysis/file.js';
import {
  type AnalysisSpec,
  type PointField,
  pointsOf,
  varyingFields,
} from '../../roofline/analysis/point.js';
import { readAnalysisSpec } from '../../roofline/analysis/spec.js';
import { type Analyses, analyzeAll, type Opened, predictorKey } from '../../roofline/analyze.js';
import type { Ceilings } from '../../roofline/ceilings.js';
import type { Predictor } from '../../roofline/step/predict-stages.js';
import { EXIT, fromFailure, usageError } from '../exit.js';
import { printData, printJson, say } from '../output/print.js';
import { outputPath } from '../single/output-path.js';
import { type AnalysisRequest, FIELD_OPTIONS, type RooflineOutput } from './command.js';
import { operatorsCsv, pointsCsv } from './csv.js';
import { openCeilings } from './open-hardware.js';
import { Openings, openArchitecture } from './open-model.js';
import { openPredictor } from './open-predictor.js';
import { pointsTable, pointText } from './table.js';
import { writeFiles } from './write-files.js';

/** What was asked, and every error that words and file show before anything is opened. */
interface SpecRequest {
  /** null when there are errors. */
  readonly spec: AnalysisSpec | null;
  /** What can be read of it, so that its names can be looked up, too. */
  readonly readable: Partial<AnalysisSpec>;
  readonly diagnostics: readonly string[];
  /** Nobody said a context: the spec has the default, which may be more than a model has. */
  readonly contextOpen: boolean;
}

/** Tokens of each sequence where nobody says. */
const DEFAULT_CONTEXT = 2048;

const SPEC_HINT =
  '`ridge roofline --help` shows what each takes; `ridge roofline --list` the names that are known.';

/** Reads the lists, and the file beside them, whose values they replace. Never throws on a usage error. */
function readSpec({ lists, file: path }: Pick<AnalysisRequest, 'lists' | 'file'>): SpecRequest {
  const written = Object.fromEntries(Object.entries(lists).map(([field, text]) => [field, valuesOf(text)]));
  const file = path === null ? NO_FILE : readFile(path);
  const given: Readonly<Record<string, unknown>> = { ...fileValues(file.values), ...written };
  // A file says all that it is about.
  const contextOpen = path === null && given.context === undefined;
  const reading = readAnalysisSpec(contextOpen ? { ...given, context: [DEFAULT_CONTEXT] } : given);
  const readable = reading.ok ? reading.spec : reading.readable;
  const sound = file.diagnostics.length === 0;
  if (reading.ok && sound) return { spec: reading.spec, readable, diagnostics: [], contextOpen };
  // What a wrong file does not say was said as its error already.
  const findings = reading.ok ? [] : reading.findings.filter(({ path }) => sound || path.length > 0);
  const diagnostics = findings.map(({ path, message, suggestion }) => {
    const field = path.find((step) => typeof step === 'string');
    const option = field === undefined ? '' : `${FIELD_OPTIONS[field as PointField][0].split(' ')[0]}: `;
    return `${option}${message}${suggestion === null ? '' : ` (did you mean ${suggestion}?)`}`;
  });
  return { spec: null, readable, diagnostics: [...file.diagnostics, ...diagnostics], contextOpen };
}

/** A file was checked already: its values stand as they are. */
const fileValues = (values: Partial<AnalysisSpec>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, list]) => list.length > 0 && list[0] !== null));

/**
 * Splits at commas outside of `synthetic:…` words, whose parts have commas, too; numbers and booleans are
 * what they look like.
 */
function valuesOf(text: string): unknown[] {
  if (text.trim() === '') return [];
  const parts = text.includes('synthetic:') ? text.split(/,(?=[a-z]+:|[A-Z/.])/) : text.split(',');
  return parts.map((part) => {
    const item = part.trim();
    if (/^-?\d+(\.\d+)?$/.test(item)) return Number(item);
    return item === 'true' ? true : item === 'false' ? false : item;
  });
}

interface FileReading {
  /** Those that can be read. */
  readonly values: Partial<AnalysisSpec>;
  readonly diagnostics: readonly string[];
}

const NO_FILE: FileReading = { values: {}, diagnostics: [] };

function readFile(path: string): FileReading {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return {
      values: {},
      diagnostics: [
        `cannot read ${path}: ${fileProblem(error)}; examples that run are in docs/examples/roofline`,
      ],
    };
  }
  const reading = parseRoofline(text);
  if (reading.ok) return { values: reading.file.spec, diagnostics: [] };
  return { values: reading.readable, diagnostics: [fileReport(path, reading.diagnostics, 0)] };
}

/** `ridge roofline`: the analytic model, for one point or for every combination of lists. */
export async function runRoofline(request: AnalysisRequest, output: RooflineOutput): Promise<void> {
  // Nothing is printed where the rest of what was asked for cannot be written.
  for (const path of [output.svg, output.html]) if (path !== null) outputPath(path, true);
  const { spec: written, readable, diagnostics, contextOpen } = readSpec(request);
  const { opened, unopened } = await open(readable, request);
  if (written === null) throw usageError([...diagnostics, unopened].filter(Boolean).join('\n'), SPEC_HINT);
  if (unopened !== '') throw usageError(unopened);
  const spec = contextOpen ? chosenContext(written, opened) : written;
  const result = analyzeAll(pointsOf(spec), opened);
  requireSome(result);
  sayImpossible(result);
  const varying = varyingFields(spec);
  print(result, varying, output.print);
  await writeFiles(result.analyses, varying, output);
}

/** @returns the spec with a context that every model and every prompt has room for; says which. */
function chosenContext(spec: AnalysisSpec, { models }: Opened): AnalysisSpec {
  const lengths = [...models.values()].map(({ contextLength }) => contextLength);
  const room = Math.min(...lengths) - Math.max(...spec.generateTokens);
  const wanted = Math.max(DEFAULT_CONTEXT, ...spec.promptTokens.map((tokens) => tokens ?? 0));
  const context = Math.max(1, Math.min(wanted, room));
  const why = context < wanted ? 'as many as the model has room for' : 'the default';
  say(`context ${context}: ${why}; --context asks for others`);
  return { ...spec, context: [context] };
}

/**
 * Opens everything that points name, once.
 * @returns with it a sentence for each name that leads nowhere; empty = all lead somewhere
 */
async function open(
  spec: Partial<AnalysisSpec>,
  { folders, file, config, calibration }: AnalysisRequest,
): Promise<{ readonly opened: Opened; readonly unopened: string }> {
  const modelFolders = [...folders, '.', ...(file === null ? [] : [dirname(file)])].map((f) => resolve(f));
  const models = new Map<string, ModelArchitecture>();
  const ceilings = new Map<string, Ceilings>();
  const predictors = new Map<string, Predictor>();
  const openings = new Openings();
  for (const name of new Set([...(spec.model ?? []), ...(spec.draft ?? [])])) {
    if (name === null) continue;
    const places = [...modelFolders, dirname(resolve(name))];
    await openings.try(() => models.set(name, openArchitecture(name, places)));
  }
  for (const name of spec.hardware ?? []) {
    await openings.try(async () => ceilings.set(name, await openCeilings(name, config)));
  }
  for (const name of ceilings.keys()) {
    for (const engine of spec.engine ?? []) {
      if (engine === null) continue;
      await openings.try(() =>
        predictors.set(predictorKey(name, engine), openPredictor(name, engine, calibration)),
      );
    }
  }
  return { opened: { models, ceilings, predictors }, unopened: openings.text };
}

/** @throws CommandError (2) with the reasons when no point can be. */
function requireSome({ analyses, impossible }: Analyses): void {
  const [first] = impossible;
  if (analyses.length > 0 || first === undefined) return;
  const reasons = [...new Set(impossible.map(({ reason }) => reason))];
  const failure = { code: 'impossible-combination', signal: null, exitCode: null, stderrTail: null } as const;
  throw fromFailure({ ...failure, message: reasons.join('\n'), hint: first.hint }, EXIT.usage);
}

/** One line for each reason, however many points it left out. */
function sayImpossible({ impossible }: Analyses): void {
  for (const [reason, { length }] of groupBy(impossible, (point) => point.reason))
    say(`left out: ${length} point${length === 1 ? '' : 's'}: ${reason}`);
}

function print(result: Analyses, varying: readonly PointField[], how: RooflineOutput['print']): void {
  const { analyses } = result;
  const [only] = analyses;
  if (how === 'json') printJson({ schema: 'ridgepoint.dev/roofline/v1', ...result });
  else if (how !== 'text') printData(how === 'points' ? pointsCsv(analyses) : operatorsCsv(analyses));
  else if (analyses.length === 1 && only !== undefined) printData(pointText(only));
  else printData(pointsTable(analyses, varying));
}
