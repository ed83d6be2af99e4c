import {
  type Curve,
  ELEMENTWISE_KINDS,
  type FactorEvidence,
  type ThreadFactors,
} from '../../core/result/factors.js';
import type { MachineModel } from '../machine-model.js';
import { evidenceOf, type Fitted, lossOf } from './loss.js';
import type { OperatorSample } from './sample.js';
import { search } from './search.js';

/** Fits what is done to each element, by kind and number of tokens. */
export function fitElementwise(
  all: readonly OperatorSample[],
  machineModel: MachineModel,
  before: ThreadFactors,
): Fitted {
  const evidence: FactorEvidence[] = [];
  let factors = before;
  for (const kind of ELEMENTWISE_KINDS) {
    const used = all.filter(({ group }) => group.kind === 'elementwise' && group.of === kind);
    if (used.length === 0) continue;
    const others = factors;
    const withCurve = (points: Curve) => ({
      ...others,
      elementwise: { ...others.elementwise, [kind]: points },
    });
    const curve = fitCurve(used, withCurve, machineModel);
    factors = withCurve(curve);
    for (const { rows, factor } of curve) {
      const at = used.filter(({ tokens }) => tokens === rows);
      evidence.push(evidenceOf(`${kind} ${rows}`, factor, at, machineModel, factors));
    }
  }
  return { factors, evidence };
}

/** Each point of a curve by the samples at it alone. */
function fitCurve(
  samples: readonly OperatorSample[],
  withCurve: (points: Curve) => ThreadFactors,
  machineModel: MachineModel,
): Curve {
  const rows = [...new Set(samples.map(({ tokens }) => tokens))].sort((a, b) => a - b);
  return rows.map((count) => {
    const used = samples.filter(({ tokens }) => tokens === count);
    const { factor } = search({ factor: { start: 0.2, least: 1e-3, most: 50 } }, (found) =>
      lossOf(used, machineModel, withCurve([{ rows: count, factor: found.factor }])),
    );
    return { rows: count, factor };
  });
}
