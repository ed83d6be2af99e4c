import { dirname, resolve } from 'node:path';
import { FailureError, toFailure } from '../../core/errors.js';
import type { ModelArchitecture } from '../../core/work/architecture.js';
import {
  type AnalysisSpec,
  type PointField,
  pointsOf,
  varyingFields,
} from '../../roofline/analysis/point.js';
import { type Analyses, analyzeAll, type Opened } from '../../roofline/analyze.js';
import type { Ceilings } from '../../roofline/ceilings.js';
import { EXIT, fromFailure, usageError } from '../exit.js';
import { printData, printJson, say } from '../output/print.js';
import { outputPath } from '../single/output-path.js';
import type { AnalysisRequest, RooflineOutput } from './command.js';
import { operatorsCsv, pointsCsv } from './csv.js';
import { openCeilings } from './open-hardware.js';
import { openArchitecture } from './open-model.js';
import { readSpec, SPEC_HINT, withContext } from './read-spec.js';
import { pointsTable, pointText } from './table.js';
import { writeFiles } from './write-files.js';

/** `ridge roofline`: the analytic model, for one point or for every combination of lists. */
export async function runRoofline(request: AnalysisRequest, output: RooflineOutput): Promise<void> {
  // Nothing is printed where the rest of what was asked for cannot be written.
  for (const path of [output.svg, output.html]) if (path !== null) outputPath(path, true);
  const { spec: written, readable, diagnostics, contextOpen } = readSpec(request);
  const { opened, failures } = await open(readable, request);
  if (written === null) throw usageError([...diagnostics, ...failures].join('\n'), SPEC_HINT);
  if (failures.length > 0) throw usageError(failures.join('\n'));
  const spec = contextOpen ? chosenContext(written, opened) : written;
  const result = analyzeAll(pointsOf(spec), opened);
  requireSome(result);
  sayImpossible(result);
  const varying = varyingFields(spec);
  print(result, varying, output.print);
  await writeFiles(result.analyses, varying, output);
}

function chosenContext(written: AnalysisSpec, { models }: Opened): AnalysisSpec {
  const lengths = [...models.values()].map(({ contextLength }) => contextLength);
  const { spec, said } = withContext(written, lengths);
  say(said);
  return spec;
}

/** Opens everything that points name, once. @returns with it a sentence for each name that leads nowhere */
async function open(
  spec: Partial<AnalysisSpec>,
  { folders, file, config }: AnalysisRequest,
): Promise<{ readonly opened: Opened; readonly failures: readonly string[] }> {
  const modelFolders = [...folders, '.', ...(file === null ? [] : [dirname(file)])].map((f) => resolve(f));
  const models = new Map<string, ModelArchitecture>();
  const ceilings = new Map<string, Ceilings>();
  const failures: string[] = [];
  const attempt = async (what: () => Promise<unknown> | unknown) => {
    try {
      await what();
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      const { message, hint } = toFailure(error);
      failures.push(hint === null ? message : `${message}\n       ${hint}`);
    }
  };
  for (const name of new Set([...(spec.model ?? []), ...(spec.draft ?? [])])) {
    if (name === null) continue;
    const places = [...modelFolders, dirname(resolve(name))];
    await attempt(() => models.set(name, openArchitecture(name, places)));
  }
  for (const name of spec.hardware ?? []) {
    await attempt(async () => ceilings.set(name, await openCeilings(name, config)));
  }
  return { opened: { models, ceilings }, failures };
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
  const counts = new Map<string, number>();
  for (const { reason } of impossible) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  for (const [reason, count] of counts) say(`left out: ${count} point${count === 1 ? '' : 's'}: ${reason}`);
}

function print(result: Analyses, varying: readonly PointField[], how: RooflineOutput['print']): void {
  const { analyses } = result;
  const [only] = analyses;
  if (how === 'json') printJson({ schema: 'ridgepoint.dev/roofline/v1', ...result });
  else if (how !== 'text')
    process.stdout.write(how === 'points' ? pointsCsv(analyses) : operatorsCsv(analyses));
  else if (analyses.length === 1 && only !== undefined) printData(pointText(only));
  else printData(pointsTable(analyses, varying));
}
