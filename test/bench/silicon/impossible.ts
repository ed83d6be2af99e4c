import type { ModelArchitecture } from '../../../core/work/architecture.js';
import { stageWorks } from '../../../core/work/pass-work.js';
import { requireHardware } from '../../../roofline/hardware/catalogue.js';
import { FORMATS } from '../../../roofline/operators/number-format.js';
import type { SiliconPoint } from './points.js';
import { recipeOf } from './recipes.js';

/** Of its time under way, the share in which a request is answered, below which it was not in the server. */
const LEAST_ANSWERED = 0.25;

/**
 * Whether a row can be what it says: by Little's law the clients' number and the times of a request give a
 * rate, and a rate of tokens has work in it.
 * @returns null where nothing speaks against it.
 */
export function impossibilityOf(point: SiliconPoint, architecture: ModelArchitecture): string | null {
  const drawn = (1 + recipeOf(point).shortest) / 2;
  const [prompt, answer] = [drawn * point.promptTokens, drawn * point.answerTokens];
  const answering = (answer - 1) * point.tpotSeconds;
  const whole = point.ttftSeconds + answering;
  if (answering / whole < LEAST_ANSWERED)
    return `requests wait ${(point.ttftSeconds / answering).toFixed(0)} times as long as they are answered: the server held fewer than its clients`;
  const device = requireHardware(point.device);
  const { arithmetic } = FORMATS[point.formats.experts];
  const peak = device.peaks[arithmetic]?.value ?? device.peaks.bf16!.value;
  const rate = (point.concurrency / whole) * (prompt + answer);
  const share = (rate * flopsOfToken(architecture)) / (point.served.devices * peak);
  return share > 1
    ? `by Little's law ${point.concurrency} clients are served at ${(100 * share).toFixed(0)} % of the peak`
    : null;
}

/** Of a token that sees no other: what its weights alone ask for. */
function flopsOfToken(architecture: ModelArchitecture): number {
  const stages = stageWorks(architecture, {
    phase: 'decode',
    batch: [{ sequences: 1, newTokens: 1, cachedTokens: 0 }],
  });
  return stages.flatMap(({ operators }) => operators).reduce((sum, { flops }) => sum + flops, 0);
}
