/**
 * What drivers do to readings, played by the stub library through meters, recorder and judge: each fault must give
 * its reason codes and no others, and the energy that is left must be the true one.
 */
import { isPresent } from '../../../core/result/result.js';
import { FAULTS, type Fault, type FaultName, playFault, TRUE_JOULES } from '../../support/nvml-faults.js';
import { buildNvmlStub, canBuildStub, forgetStub } from '../../support/nvml-stub.js';
import type { Figure } from '../figure.js';

export async function faultCodes(): Promise<Figure[]> {
  if (!canBuildStub) {
    return [
      {
        claim: 'faults of a driver',
        measured: 'not played: there is no gcc',
        required: 'played',
        holds: false,
      },
    ];
  }
  const library = buildNvmlStub();
  const figures: Figure[] = [];
  for (const name of Object.keys(FAULTS) as FaultName[]) figures.push(await figureOf(name, library));
  forgetStub();
  return figures;
}

async function figureOf(name: FaultName, library: string): Promise<Figure> {
  const { codes, repeatsWithEnergy, tolerance = 0.001 }: Fault = FAULTS[name];
  const { warnings, measurements } = await playFault(library, name);
  const found = [...new Set(warnings.map(({ code }) => code))].sort();
  const energy = measurements.energyJoules!;
  const samples = isPresent(energy) ? (energy.samples ?? []) : [];
  const off = Math.max(0, ...samples.map((joules) => Math.abs(joules / TRUE_JOULES - 1)));
  return {
    claim: `readings with: ${name}`,
    measured: `${words(found)}; energy of ${samples.length}, ${(off * 100).toFixed(3)} % off at most`,
    required: `${words([...codes].sort())}; energy of ${repeatsWithEnergy}, ${tolerance * 100} %`,
    holds:
      words(found) === words([...codes].sort()) && samples.length === repeatsWithEnergy && off <= tolerance,
  };
}

const words = (codes: readonly string[]) => (codes.length === 0 ? 'no code' : codes.join(', '));
