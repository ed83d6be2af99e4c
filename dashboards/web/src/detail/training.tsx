import type { TrainingRecord } from '../../../../core/training/record.js';
import { quantity, tick } from '../../../../report/scale.js';
import { median } from '../../../../statistics/quantile.js';

/** What training gave: how the loss fell, where the time of a step went, and what it held in memory. */
export function Training({ training }: { training: TrainingRecord | null }) {
  if (training === null) return null;
  const { method, trainableParameters, baseParameters, windows, heldOutWindows, windowTokens, made } =
    training;
  const share = (100 * trainableParameters) / baseParameters;
  return (
    <section class="training">
      <h3>Training</h3>
      <p class="quiet">
        {method}: {trainableParameters.toLocaleString('en')} numbers are trained ({share.toPrecision(3)} % of
        the base), on {windows} windows of {windowTokens} tokens; {heldOutWindows} were held out
      </p>
      <LossCurve training={training} />
      <Parts title="time of a step" parts={stepParts(training)} unit="s" />
      <Parts title="memory" parts={Object.entries(training.memory)} unit="B" />
      {made !== null && (
        <p>
          made {made.kind === 'adapter' ? 'an adapter' : 'a model'} of {quantity(made.bytes, 'B')}{' '}
          <code title={made.digest}>{made.digest.slice(0, 19)}…</code>
        </p>
      )}
    </section>
  );
}

const WIDTH = 560;
const HEIGHT = 120;

/** The loss of each step, and of the windows that were held out before and after. */
function LossCurve({ training }: { training: TrainingRecord }) {
  const { losses, evalBefore, evalAfter } = training;
  const known = [...losses, ...[evalBefore, evalAfter].filter((v) => v !== null)].filter(Number.isFinite);
  if (losses.length === 0 || known.length === 0) return null;
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const room = high - low || 1;
  const x = (step: number) => 6 + (step / Math.max(1, losses.length - 1)) * (WIDTH - 12);
  const y = (loss: number) => 8 + ((high - loss) / room) * (HEIGHT - 16);
  // A step whose loss is no number breaks the line and is not drawn over.
  const path = losses.map((loss, i) => {
    if (!Number.isFinite(loss)) return '';
    const begins = i === 0 || !Number.isFinite(losses[i - 1]);
    return `${begins ? 'M' : 'L'}${x(i).toFixed(1)} ${y(loss).toFixed(1)}`;
  });
  const held = [
    [0, evalBefore],
    [losses.length - 1, evalAfter],
  ] as const;
  return (
    <figure>
      <figcaption>
        loss <b>{losses[0]?.toFixed(3)}</b> to <b>{losses.at(-1)?.toFixed(3)}</b>{' '}
        <span class="quiet">
          nats in {losses.length} steps
          {evalBefore !== null &&
            evalAfter !== null &&
            `; held out (○) ${evalBefore.toFixed(3)} to ${evalAfter.toFixed(3)}`}
        </span>
      </figcaption>
      <svg
        class="loss"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`Loss of ${losses.length} training steps`}
      >
        <path d={path.join(' ')} />
        {held.map(
          ([step, loss]) =>
            loss !== null && (
              <circle key={step} cx={x(step)} cy={y(loss)} r="4">
                <title>{`held out: ${loss.toFixed(4)} nats`}</title>
              </circle>
            ),
        )}
      </svg>
    </figure>
  );
}

/** Medians over the steps; what the parts lack to the whole is filling in the batch. */
function stepParts({ stepSeconds: { whole, ...parts } }: TrainingRecord): [string, number][] {
  if (whole.length === 0) return [];
  const known = Object.entries(parts).map(([name, seconds]): [string, number] => [
    name,
    seconds.length === 0 ? 0 : median(seconds),
  ]);
  const rest = median(whole) - known.reduce((sum, [, seconds]) => sum + seconds, 0);
  return rest > 0 ? [...known, ['the rest', rest]] : known;
}

function Parts({ title, parts, unit }: { title: string; parts: readonly [string, number][]; unit: string }) {
  const total = parts.reduce((sum, [, value]) => sum + value, 0);
  if (!(total > 0)) return null;
  let start = 0;
  const bars = parts.map(([name, value], i) => {
    const at = start;
    start += value;
    return { name, value, at, fill: `var(--c${i})` };
  });
  return (
    <figure>
      <figcaption>
        {title} <b>{tick(total, unit)}</b>
      </figcaption>
      <svg class="parts" viewBox="0 0 1000 16" preserveAspectRatio="none" role="img" aria-label={title}>
        {bars.map(({ name, value, at, fill }) => (
          <rect key={name} x={(at / total) * 1000} width={(value / total) * 1000} height="16" fill={fill}>
            <title>{`${name}: ${quantity(value, unit)}`}</title>
          </rect>
        ))}
      </svg>
      <ul class="key">
        {bars.map(({ name, value, fill }) => (
          <li key={name}>
            <i style={{ background: fill }} />
            {name} <span class="quiet">{quantity(value, unit)}</span>
          </li>
        ))}
      </ul>
    </figure>
  );
}
