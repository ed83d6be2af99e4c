import type { RooflineRecord } from '../../core/result/roofline-record.js';
import type { CalibrationPoint } from './calibrate.js';
import type { Step } from './compile.js';
import { type Chunk, withHost } from './setting.js';

/**
 * What a row of a server says of its steps: TPOT beside a mean step with the prompts that were read between
 * two tokens, TTFT beside the step that reads a prompt while the others decode. A queue before it counts as
 * the request's: rows of little load tell most of it.
 * @param step of the same model under the same engine, without times of the host.
 * @returns none for a row of no server.
 */
export function calibrationPoints({ served, phases }: RooflineRecord, step: Step): CalibrationPoint[] {
  if (served === undefined) return [];
  const { stepSequences, contextTokens, promptsPerStep, promptTokens, cachedTokens } = served;
  const chunk: Chunk = {
    newTokens: Math.max(1, promptTokens - cachedTokens),
    cachedTokens,
  };
  const decoding = { decodes: stepSequences, contextTokens, chunks: [] };
  const alone = step.secondsOf(decoding);
  const mixed = step.secondsOf({ ...decoding, chunks: [chunk] });
  const measured = (name: string) => phases.find((phase) => phase.name === name)?.measuredSeconds;
  const [token, first] = [measured('decode'), measured('prefill')];
  return [
    ...(token === undefined || stepSequences === 0
      ? []
      : [
          {
            measuredSeconds: token,
            secondsUnder: (host) =>
              withHost(
                alone + promptsPerStep * (mixed - alone),
                1,
                stepSequences + promptsPerStep * chunk.newTokens,
                host,
              ),
          } satisfies CalibrationPoint,
        ]),
    ...(first === undefined
      ? []
      : [
          {
            measuredSeconds: first,
            secondsUnder: (host) =>
              withHost(mixed, 1, stepSequences + chunk.newTokens, host) + (host.requestSeconds ?? 0),
          } satisfies CalibrationPoint,
        ]),
  ];
}
