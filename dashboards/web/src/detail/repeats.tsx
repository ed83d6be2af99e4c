import type { ResultRecord } from '../../../../core/result/result.js';
import { blockOf } from '../../../../judgement/block.js';
import { type Quoted, quotedOf, spreadOf, spreadText } from '../../../../report/quoted.js';
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
  'load-done': 'stopped when all requests were answered',
  'not-started': 'never started',
} as const;

/**
 * Each repeat as a dot, start beside start, with the interval of the centre as a band: what differs shows at
 * a glance.
 */
export function Repeats({ row }: { row: Row }) {
  const { starts } = row;
  if (starts.every(({ repeats }) => repeats.count === 0)) return null;
  return (
    <section>
      <h3>{starts.length === 1 ? 'Repeats' : 'Starts and repeats'}</h3>
      <p class="quiet">{starts.length === 1 ? ofOne(starts[0]!) : ofSeveral(starts)}</p>
      <div class="strips">
        {SHOWN.map(([metric, name]) => {
          const quoted = quotedOf(row, metric);
          if (quoted === null) return null;
          const groups = starts.flatMap((trial) => {
            const own = spreadOf({ trial }, metric);
            return own === null ? [] : [own.samples ?? [own.mean]];
          });
          return <Strip key={name} name={name} quoted={quoted} groups={groups} />;
        })}
      </div>
    </section>
  );
}

function ofOne({ repeats }: ResultRecord): string {
  const width =
    repeats.halfWidth === null ? '' : ` (±${(repeats.halfWidth * 100).toFixed(1)} % within this start)`;
  return `one start: ${repeats.count} repeats after ${repeats.warmups} to warm up; ${STOPS[repeats.stop]}${width}`;
}

function ofSeveral(starts: readonly ResultRecord[]): string {
  const blocks = new Set(starts.map(blockOf)).size;
  const repeats = starts.map(({ repeats: { count } }) => count).join(' + ');
  return `${starts.length} starts in ${blocks} ${blocks === 1 ? 'block' : 'blocks'}, ${repeats} repeats`;
}

interface StripProps {
  readonly name: string;
  readonly quoted: Quoted;
  /** What each repeat read, by start. */
  readonly groups: readonly (readonly number[])[];
}

function Strip({ name, quoted, groups }: StripProps) {
  const { unit, value: shown, interval } = quoted;
  const samples = groups.flat();
  const all = [...samples, ...(interval ?? [])];
  const low = Math.min(...all);
  const room = Math.max(...all) - low || Math.abs(low) || 1;
  const y = (value: number) => 56 - ((value - low) / room) * 48;
  const wide = 244 / groups.length;
  const x = (g: number, i: number, n: number) => 8 + wide * (g + (n === 1 ? 0.5 : 0.1 + (0.8 * i) / (n - 1)));
  const scale = scaleOf(unit, samples);
  return (
    <figure>
      <figcaption>
        {name}{' '}
        <b>
          {scaled(shown, scale)} {spreadText(quoted, scale, 'none')}
        </b>{' '}
        <span class="quiet">{scale.unit}</span>
      </figcaption>
      <svg viewBox="0 0 260 64" role="img" aria-label={`${name} of each repeat`}>
        {interval !== null && (
          <rect
            class="band"
            x="0"
            width="260"
            y={y(interval[1])}
            height={Math.max(1, y(interval[0]) - y(interval[1]))}
          />
        )}
        <line class="median" x1="0" x2="260" y1={y(shown)} y2={y(shown)} />
        {groups.map((group, g) =>
          group.map((value, i) => (
            <circle key={`${g}/${i}`} cx={x(g, i, group.length)} cy={y(value)} r="3.5">
              <title>{`start ${g + 1}, repeat ${i + 1}: ${scaled(value, scale)} ${scale.unit}`}</title>
            </circle>
          )),
        )}
      </svg>
    </figure>
  );
}
