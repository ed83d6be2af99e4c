import { formatValue } from '../../core/metrics/format.js';
import { runnerNamed } from '../../core/runners/index.js';
import type { Space } from '../../core/sweep/space.js';
import { type ChainLink, chainOf } from '../../core/techniques/chain.js';
import { plainTable } from '../output/plain-table.js';

/** A file that a sweep needs and an agent has to make, unless it lies in its cache already. */
export interface PlannedFile {
  readonly model: string;
  /** Every step from the base: `prune(wanda:60%) → quantize(q4_k_m)`. */
  readonly recipe: string;
  readonly bytes: number | null;
  /** Points that run it, and points that need it on the way to theirs. */
  readonly runBy: number;
  readonly neededBy: number;
}

/** Points of a sweep that are looked at; more would take longer than a plan may. */
const MOST_POINTS = 50_000;

/** @returns the files of all points together, each once; null for a sweep too large to visit. */
export function plannedFiles(space: Space): PlannedFile[] | null {
  if (space.count > MOST_POINTS) return null;
  const files = new Map<string, PlannedFile>();
  for (let position = 0; position < space.count; position++) {
    const { model, technique, runner } = space.contentAt(position);
    const links = chainOf(technique, model.facts, runnerNamed(runner.kind)?.formats ?? []);
    links.forEach((link, i) => {
      const recipe = recipeOf(links.slice(0, i + 1));
      const key = `${model.name}\n${recipe}`;
      const known = files.get(key) ?? { model: model.name, recipe, bytes: link.bytes, runBy: 0, neededBy: 0 };
      const runs = i === links.length - 1 ? 1 : 0;
      files.set(key, { ...known, runBy: known.runBy + runs, neededBy: known.neededBy + 1 });
    });
  }
  return [...files.values()];
}

const recipeOf = (links: readonly ChainLink[]) => links.map(({ recipe }) => recipe).join(' → ');

/** @returns what a plan says of the files to make, in one line; null when none is. */
export function filesLine(files: readonly PlannedFile[] | null, points: number): string | null {
  if (files === null) return '  files to make: not counted for so many points';
  if (files.length === 0) return null;
  const known = files.every(({ bytes }) => bytes !== null);
  const bytes = files.reduce((sum, file) => sum + (file.bytes ?? 0), 0);
  const room = known ? `, about ${formatValue(bytes, 'B')} in the cache` : '';
  const made = files.reduce((sum, file) => sum + file.runBy, 0);
  const asIs = points - made;
  const rest = asIs === 0 ? '' : `; ${asIs.toLocaleString('en')} run the model as it is`;
  return `  files to make: ${files.length.toLocaleString('en')} for ${made.toLocaleString('en')} of ${points.toLocaleString('en')} points${room}${rest}`;
}

/** @returns the files as a table, those that most points need first. */
export function filesTable(files: readonly PlannedFile[], limit: number): string {
  const sorted = [...files].sort((a, b) => b.neededBy - a.neededBy);
  return plainTable(
    ['file of', 'size', 'run by', 'needed by', 'made by'],
    sorted
      .slice(0, limit)
      .map(({ model, bytes, runBy, neededBy, recipe }) => [
        model,
        bytes === null ? null : formatValue(bytes, 'B'),
        runBy,
        neededBy,
        recipe,
      ]),
  );
}
