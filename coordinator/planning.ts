import type { ModelRef } from '../core/experiment/experiment.js';
import { type Diagnostic, diagnosticCount } from '../core/input/diagnostic.js';
import { pointsId, sweepId } from '../core/sweep/identity.js';
import { parseSweep } from '../core/sweep/parse.js';
import { layOut, type SweepPlan } from '../core/sweep/space.js';
import type { Sweep } from '../core/sweep/spec.js';

// Apart from `sweeps.ts`: the thread that reads documents (`sweep-thread.ts`) loads this, and neither gRPC
// nor search, which would be half of its start.

/** A sweep that was read and planned, as plain data that one thread can give to another. */
export interface PlannedSweep {
  readonly sweepId: string;
  readonly pointsId: string;
  readonly sweep: Sweep;
  readonly plan: SweepPlan;
}

/** What became of a document; a refusal has one sentence, and one for each diagnostic. */
export type PlanningOutcome =
  | { readonly ok: true; readonly planned: PlannedSweep }
  | { readonly ok: false; readonly sentence: string; readonly details: readonly string[] };

/**
 * Reads a sweep file, with what its submitter knows of the models, and plans it. Never throws on a bad one.
 * This is all the work there is in a sweep; it follows the length of the document.
 */
export function planSweep(document: string, given: readonly ModelRef[]): PlanningOutcome {
  const parsed = parseSweep(document);
  if (!parsed.ok) {
    const { diagnostics, more } = parsed;
    const count = diagnostics.length + more === 1 ? 'an error' : diagnosticCount(diagnostics.length, more);
    return {
      ok: false,
      sentence: `The sweep has ${count}: ${sentence(diagnostics[0]!)}`,
      details: diagnostics.map(sentence),
    };
  }
  const known = new Map(given.map((model) => [`${model.name}\n${model.source}`, model]));
  const sweep = {
    ...parsed.sweep,
    models: parsed.sweep.models.map((model) => {
      const more = known.get(`${model.name}\n${model.source}`);
      return more === undefined ? model : { ...model, digest: more.digest, facts: more.facts };
    }),
  };
  return {
    ok: true,
    planned: { sweepId: sweepId(sweep), pointsId: pointsId(sweep), sweep, plan: layOut(sweep) },
  };
}

function sentence(diagnostic: Diagnostic): string {
  const where = `line ${diagnostic.line}, column ${diagnostic.column}${diagnostic.path === '' ? '' : `, ${diagnostic.path}`}`;
  return `${where}: ${diagnostic.message}${diagnostic.suggestion === null ? '' : `; ${diagnostic.suggestion}`}`;
}
