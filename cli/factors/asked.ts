import type { AskedOfRun } from '../../agent/door/roofs.js';
import { FailureError } from '../../core/errors.js';
import { FITTED_RUNNERS } from '../../core/runners/index.js';
import type { Sweep } from '../../core/sweep/spec.js';
import { weightType } from '../../core/techniques/tensor-types.js';
import { type ModelArchitecture, weightTypesOf } from '../../core/work/architecture.js';
import { quantizedArchitecture } from '../../roofline/quantized.js';
import { openArchitecture } from '../roofline/open-model.js';

/**
 * @param modelFolders where models named by a path may be; of those that do not lie here types are not known,
 *   and left to rows to name.
 * @returns null where no runner of the sweep has kernels that are fitted.
 */
export function askedOfFactors(sweep: Sweep, modelFolders: readonly string[]): AskedOfRun | null {
  const runners = sweep.runners.filter(({ kind }) => FITTED_RUNNERS.includes(kind));
  if (runners.length === 0) return null;
  const axes = [...sweep.techniques, ...runners.flatMap((runner) => runner.axes)];
  const valuesOf = (axis: string) => [
    ...axes.filter(({ name }) => name === axis).flatMap(({ values }) => values),
    ...[...sweep.include, ...sweep.points].flatMap(({ at }) => at[axis] ?? []),
  ];
  const types = sweep.models.flatMap(({ source }) => {
    const shapes = shapesOf(source, modelFolders);
    if (shapes === null) return [];
    return valuesOf('quantization').flatMap((value) => [
      ...weightTypesOf(quantizedArchitecture(shapes, String(value))),
    ]);
  });
  return {
    threads: [...new Set(valuesOf('threads').map((count) => (typeof count === 'number' ? count : null)))],
    types: [...new Set(types)].filter((type) => weightType(type) !== null),
  };
}

function shapesOf(source: string, modelFolders: readonly string[]): ModelArchitecture | null {
  try {
    return openArchitecture(source, modelFolders);
  } catch (error) {
    if (error instanceof FailureError) return null;
    throw error;
  }
}
