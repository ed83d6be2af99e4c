import { asMeasuredText, briefVerdict, movedText } from '../../../../report/change-text.js';
import type { Change } from '../../../../report/compare.js';
import { metricText } from '../../../../report/scale.js';
import { Heads } from '../heads.js';

/** Lines at most; the CSV has all. */
const MOST_LINES = 100;

/** The changes in words and figures, for those who cannot see the plot, and for everybody. */
export function ChangesTable({ changes, label }: { changes: readonly Change[]; label: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keys
    <section class="numbers" tabIndex={0} aria-label={`Changes of ${label}`}>
      <table class="figures changes">
        {changes.length > MOST_LINES && (
          <caption>{`the first ${MOST_LINES} of ${changes.length}; the CSV has all`}</caption>
        )}
        <Heads of={['experiment', 'change', '95 % interval', 'verdict', 'A', 'B']} />
        <tbody>
          {changes.slice(0, MOST_LINES).map((change, i) => {
            const [moved, interval] = movedText(change);
            return (
              <tr key={`${i} ${change.label}`}>
                <th scope="row">{change.label}</th>
                <td>{moved}</td>
                <td>{interval}</td>
                <td class={`verdict ${change.verdict}`} title={change.reason ?? undefined}>
                  {[briefVerdict(change), asMeasuredText(change)].filter(Boolean).join('; ')}
                </td>
                <td>{change.a === null ? '–' : metricText(change.metric, change.a)}</td>
                <td>{change.b === null ? '–' : metricText(change.metric, change.b)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
