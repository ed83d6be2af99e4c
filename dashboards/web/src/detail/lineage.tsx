import type { ResultRecord } from '../../../../core/result/result.js';
import { axisText } from '../../../../report/columns.js';
import { quantity } from '../../../../report/scale.js';
import { Digest } from './figures.js';

type Artifact = NonNullable<ResultRecord['artifact']>;

/** How the file that was run came to be: the base, each step with what it learned, and what was attached. */
export function Lineage({ artifact }: { artifact: Artifact | null }) {
  if (artifact === null) return null;
  const { base, bytes, steps, adapters, makeSeconds } = artifact;
  return (
    <section class="lineage">
      <h3>Lineage</h3>
      <ol>
        <li>
          <b>base</b> <Digest digest={base} />
          {steps.length === 0 && <span class="quiet"> {quantity(bytes, 'B')}, run as it is</span>}
        </li>
        {steps.map((step) => (
          <li key={step.digest}>
            <b>{step.recipe}</b> <Digest digest={step.digest} />
            <span class="quiet">
              {' '}
              {quantity(step.bytes, 'B')}, made in {quantity(step.makeSeconds, 's')}
            </span>
            <Facts facts={step.facts} />
          </li>
        ))}
        {adapters.map((adapter) => (
          <li key={adapter.digest}>
            <b>attached {adapter.source}</b> <Digest digest={adapter.digest} />
            <span class="quiet">
              {' '}
              {quantity(adapter.bytes, 'B')}, scale {adapter.scale}
            </span>
          </li>
        ))}
      </ol>
      {steps.length > 0 && makeSeconds === null && (
        <p class="quiet">An earlier trial had made the file; the times are of then.</p>
      )}
    </section>
  );
}

/** `sparsity` as a percentage, numbers with four digits, words as they are. */
function Facts({ facts }: { facts: Artifact['steps'][number]['facts'] }) {
  const known = Object.entries(facts).filter(([, value]) => value !== null);
  if (known.length === 0) return null;
  return (
    <dl class="step-facts">
      {known.map(([name, value]) => (
        <div key={name}>
          <dt class="step-name">{wordsOf(name)}</dt>
          <dd>{factText(name, value)}</dd>
        </div>
      ))}
    </dl>
  );
}

const UNITS: readonly (readonly [RegExp, string])[] = [
  [/Seconds$/, 's'],
  [/Bytes$/, 'B'],
];

function factText(name: string, value: Artifact['steps'][number]['facts'][string]): string {
  if (typeof value !== 'number') return axisText(value);
  if (/^sparsity|Sparsity$|(Ratio|Share)$/.test(name)) return `${(100 * value).toFixed(2)} %`;
  const unit = UNITS.find(([pattern]) => pattern.test(name));
  if (unit !== undefined) return quantity(value, unit[1]);
  if (Number.isInteger(value)) return value.toLocaleString('en');
  return Math.abs(value) < 1e-3 ? value.toExponential(2) : Number(value.toPrecision(4)).toString();
}

/** `outputMse` → `output mse`; the unit is with the number. */
function wordsOf(name: string): string {
  return name
    .replace(/(Seconds|Bytes|Ratio|Share)$/, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase();
}
