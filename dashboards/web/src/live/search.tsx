import type { LiveSearch } from '../../../../report/live/live.js';
import { budgetSpent } from '../../../../report/search-left.js';
import { duration } from '../../../../report/time-left.js';

const WIDTH = 240;
const HEIGHT = 48;

/**
 * Where a search stands: what was measured and spared, its budget, how the front grew with the time that was
 * spent, and why it ended.
 */
export function Search({ search, points }: { search: LiveSearch; points: number }) {
  const { measured, probed, trials, deviceSeconds, spared, skipped, ended, hypervolume } = search;
  const budget = budgetSpent(search, { trialSeconds: null, running: [] }).text;
  const { decided, decisions } = search;
  return (
    <section class="search" aria-label="Search">
      <p class="standing-line">
        <span>
          Search: {measured} of {points} points{probed > 0 && `, ${probed} more only probed,`} in {trials}{' '}
          trials, {duration(deviceSeconds)} of devices
        </span>
        {hypervolume !== null && (
          <span>front {percent(hypervolume)} of the volume between worst and best</span>
        )}
        {budget !== '' && <span class="quiet">budget: {budget}</span>}
        {spared > 0 && <span class="quiet">{spared} spared</span>}
      </p>
      <Curve curve={search.curve} />
      {decisions.length > 0 && (
        <details class="decisions">
          <summary>{decided} decided after a probe: the newest, and why</summary>
          <ul>
            {decisions.map(({ label, promoted, reason }) => (
              <li key={label}>
                <b>{promoted ? 'Measured in full' : 'Left'}</b> {label}: {reason}
              </li>
            ))}
          </ul>
        </details>
      )}
      {ended !== null && <p class="quiet">Ended: {ended}.</p>}
      {skipped.map(({ reason, points: count }) => (
        <p key={reason} class="quiet">
          {count} skipped: {reason}
        </p>
      ))}
    </section>
  );
}

function Curve({ curve }: Pick<LiveSearch, 'curve'>) {
  const last = curve.at(-1);
  if (last === undefined || last.deviceSeconds === 0) return null;
  const place = ({ deviceSeconds, hypervolume }: LiveSearch['curve'][number]) =>
    `${((WIDTH * deviceSeconds) / last.deviceSeconds).toFixed(1)},${(HEIGHT * (1 - hypervolume)).toFixed(1)}`;
  return (
    <svg
      class="search-curve"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={`The front grew to ${percent(last.hypervolume)} in ${duration(last.deviceSeconds)} of devices`}
    >
      <polyline points={curve.map(place).join(' ')} fill="none" stroke="currentColor" stroke-width="1.5" />
    </svg>
  );
}

const percent = (hypervolume: number) => `${Math.round(100 * hypervolume)} %`;
