import type { Measurement } from '../../../../core/result/result.js';
import type { Row } from '../../../../report/rows.js';
import { scaled, scaleOf } from '../../../../report/scale.js';

const SHOWN = [
  ['decodeTokensPerSecond', 'decode'],
  ['prefillTokensPerSecond', 'prefill'],
  ['trainTokensPerSecond', 'train'],
] as const;
const STOPS = {
  'interval-narrow': 'stopped when the interval was narrow enough',
  'max-repeats': 'stopped at the largest number of repeats',
  'time-budget': 'stopped when the time was used up',
  'steps-done': 'stopped when all steps were done',
  'not-started': 'never started',
} as const;

/** Each repeat as a dot, in order, with the interval as a band: drift and outliers show at a glance. */
export function Repeats({ row }: { row: Row }) {
  const { repeats, measurements } = row.trial;
  if (repeats.count === 0) return null;
  return (
    <section>
      <h3>Repeats</h3>
      <p class="quiet">
        {repeats.count} after {repeats.warmups} to warm up; {STOPS[repeats.stop]}
        {repeats.halfWidth !== null && ` (±${(repeats.halfWidth * 100).toFixed(1)} %)`}
      </p>
      <div class="strips">
        {SHOWN.map(([metric, name]) => {
          const entry = measurements[metric];
          if (entry === undefined || entry.value === null || entry.samples === null) return null;
          return <Strip key={name} name={name} entry={entry} samples={entry.samples} />;
        })}
      </div>
    </section>
  );
}

function Strip({ name, entry, samples }: { name: string; entry: Measurement; samples: readonly number[] }) {
  const all = [...samples, ...(entry.ci95 ?? [])];
  const low = Math.min(...all);
  const room = Math.max(...all) - low || Math.abs(low) || 1;
  const y = (value: number) => 56 - ((value - low) / room) * 48;
  const x = (i: number) => (samples.length === 1 ? 130 : 8 + (i / (samples.length - 1)) * 244);
  const scale = scaleOf(entry.unit, samples);
  return (
    <figure>
      <figcaption>
        {name} <b>{scaled(entry.value, scale)}</b> <span class="quiet">{scale.unit}</span>
      </figcaption>
      <svg viewBox="0 0 260 64" role="img" aria-label={`${name} of each repeat`}>
        {entry.ci95 !== null && (
          <rect
            class="band"
            x="0"
            width="260"
            y={y(entry.ci95[1])}
            height={Math.max(1, y(entry.ci95[0]) - y(entry.ci95[1]))}
          />
        )}
        <line class="median" x1="0" x2="260" y1={y(entry.median)} y2={y(entry.median)} />
        {samples.map((value, i) => (
          <circle key={i} cx={x(i)} cy={y(value)} r="3.5">
            <title>{`repeat ${i + 1}: ${scaled(value, scale)} ${scale.unit}`}</title>
          </circle>
        ))}
      </svg>
    </figure>
  );
}
