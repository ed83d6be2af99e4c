import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { isPresent } from '../../../core/result/result.js';
import { FAULTS, type Fault, type FaultName, playFault, TRUE_JOULES } from '../../support/nvml-faults.js';
import { buildNvmlStub, canBuildStub, forgetStub } from '../../support/nvml-stub.js';

describe.skipIf(!canBuildStub)('a record under a driver’s faults (needs gcc)', () => {
  let library: string;
  beforeAll(() => {
    library = buildNvmlStub();
  });
  afterEach(forgetStub);

  test.each(Object.keys(FAULTS) as FaultName[])('%s', async (name) => {
    const { codes, repeatsWithEnergy, tolerance = 0.0005 }: Fault = FAULTS[name];
    const judgement = await playFault(library, name);
    expect([...new Set(judgement.warnings.map(({ code }) => code))].sort()).toEqual([...codes].sort());
    const energy = judgement.measurements.energyJoules!;
    if (!isPresent(energy)) {
      expect(repeatsWithEnergy).toBe(0);
      expect(energy.reason).not.toBe('');
      return;
    }
    expect(energy.n).toBe(repeatsWithEnergy);
    for (const joules of energy.samples!) expect(Math.abs(joules / TRUE_JOULES - 1)).toBeLessThan(tolerance);
  });
});
