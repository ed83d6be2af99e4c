import type { AxisValue, Options } from '../experiment/experiment.js';
import { type Reading, rejected } from '../techniques/spelling.js';
import { runnerNamed } from './index.js';

/**
 * Reads options of a runner that change what a model answers, by their names or the field's.
 * @returns them by name, those left out left out; or one sentence for what is wrong.
 */
export function readAnswerOptions(kind: string, given: Readonly<Record<string, unknown>>): Reading<Options> {
  const runner = runnerNamed(kind);
  if (runner === undefined) throw new Error(`no runner ${kind}`);
  const options: Record<string, AxisValue> = {};
  for (const [spelled, value] of Object.entries(given)) {
    const name = runner.alsoKnownAs[spelled] ?? spelled;
    if (!runner.answerOptions.includes(name)) {
      const here = runner.answerOptions.join(', ');
      const message = `${spelled} is no option of ${kind} that changes answers; there are ${here}`;
      return rejected(message);
    }
    const read = runner.options.shape[name]!.safeParse(value);
    if (!read.success) return rejected(`${name}: ${read.error.issues[0]!.message}`);
    options[name] = read.data as AxisValue;
  }
  const whole = { ...(runner.options.parse({}) as Options), ...options };
  for (const { axes, reason } of runner.rules) {
    const refused = axes.every((axis) => axis in whole) ? reason(whole, null) : null;
    if (refused !== null) return rejected(refused);
  }
  return { ok: true, value: options };
}
