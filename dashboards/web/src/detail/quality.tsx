import { mainScore } from '../../../../core/quality/main-score.js';
import type { AskedBy } from '../../../../core/quality/outcome.js';
import type { Estimate } from '../../../../core/quality/perplexity.js';
import type { QualityRecord } from '../../../../core/quality/record.js';
import { metricText, quantity } from '../../../../report/scale.js';
import { estimateText } from './figures.js';

type Text = NonNullable<QualityRecord['text']>;
type Task = QualityRecord['tasks'][number];

/** What the model's answers were worth: likelihood of a text, distance from the base, scores of tasks. */
export function QualityView({ quality, why }: { quality: QualityRecord | null; why: string | null }) {
  if (quality === null) {
    if (why === null) return null;
    return (
      <section>
        <h3>Quality</h3>
        <p class="quiet">Not measured: {why}.</p>
      </section>
    );
  }
  const { text, tasks, seconds, reused } = quality;
  return (
    <section class="quality">
      <h3>Quality</h3>
      <p class="quiet">
        {reused ? 'from an earlier trial of the same file, which took' : 'took'} {quantity(seconds, 's')}; ±
        is half of the 95 % interval
      </p>
      {text !== null && <TextView text={text} />}
      {tasks.map((task) => (
        <TaskView key={task.name} task={task} />
      ))}
    </section>
  );
}

const BY: Readonly<Record<AskedBy, string>> = {
  'prompt-log-probabilities': 'by log-probabilities of prompts',
  'next-log-probabilities': 'by the likeliest next tokens',
  saying: 'by what it says',
};

/** Of a model that a server ran: who was asked, and how; '' for others. */
function askedText({ asked }: Pick<Text | Task, 'asked'>): string {
  if (asked === undefined) return '';
  return asked.through === 'server'
    ? `, asked of the server ${BY[asked.by]}`
    : `, asked of the file that it served through ${asked.runner}`;
}

function TextView({ text }: { text: Text }) {
  const { againstBase: base } = text;
  const rows: [string, string, string][] = [
    [
      'perplexity',
      estimateText('perplexity', text.perplexity),
      `${text.scored} predictions, ${text.windows} windows${askedText(text)}`,
    ],
  ];
  if (base !== null) {
    const tail = (value: number) => metricText('klDivergenceNats', value).replace(' nats', '');
    const { median, p90, p99, p999, maximum } = base.kl;
    rows.push(
      ['of the base', estimateText('perplexity', base.perplexity), 'on the same predictions'],
      [
        'ratio',
        estimateText('perplexityRatio', base.perplexityRatio),
        'paired: its error is smaller than of the two',
      ],
      [
        'KL divergence',
        estimateText('klDivergenceNats', base.kl.mean),
        `median ${tail(median)}, 90 % ${tail(p90)}, 99 % ${tail(p99)}, 99.9 % ${tail(p999)}, largest ${tail(maximum)}`,
      ],
      ['same top-1', estimateText('topAgreementRatio', base.sameTop), 'most likely token as of the base'],
      ['Δp of the text', estimateText('topAgreementRatio', base.probabilityChangeRms), 'root mean square'],
    );
  }
  return (
    <table class="measurements likelihood">
      <tbody>
        {rows.map(([name, value, note]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td class="number">{value}</td>
            <td class="note">{note}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** One column per score, the one that stands for the task first; groups of items below all of them. */
function TaskView({ task }: { task: Task }) {
  const main = mainScore(task);
  const scores = [...task.scores].sort((a, b) => Number(b === main) - Number(a === main));
  const chance = task.chance === null ? '' : `, ${metricText('taskScoreRatio', task.chance)} by chance`;
  const line = (name: string, cells: readonly (string | null)[]) =>
    cells.every((cell) => cell === null) ? null : (
      <tr key={name}>
        <th scope="row">{name}</th>
        {cells.map((cell, i) => (
          <td key={scores[i]?.name} class="number">
            {cell}
          </td>
        ))}
      </tr>
    );
  const score = (estimate: Estimate | null) =>
    estimate === null ? null : estimateText('taskScoreRatio', estimate);
  return (
    <div class="sideways">
      <table class="measurements">
        <thead>
          <tr>
            <th scope="col">
              {task.name}, {task.items} items{chance}
              {askedText(task)}
            </th>
            {scores.map(({ name }) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {line(
            'score',
            scores.map((one) => score(one.score)),
          )}
          {line(
            'of the base',
            scores.map((one) => score(one.base)),
          )}
          {line(
            'retained',
            scores.map(({ retentionPercent }) => retained(retentionPercent)),
          )}
          {(main?.groupings ?? []).map(({ by, groups }, g) => [
            ...groups.map(({ group, items }, i) =>
              line(
                `${by} ${group}, ${items} items`,
                scores.map(({ groupings }) => score(groupings[g]?.groups[i]?.score ?? null)),
              ),
            ),
            line(
              `between groups by ${by}`,
              scores.map(({ groupings }) => {
                const range = groupings[g]?.spread?.range ?? null;
                return range && `${(100 * range.value).toFixed(1)} points`;
              }),
            ),
          ])}
        </tbody>
      </table>
    </div>
  );
}

function retained(percent: Estimate | null): string | null {
  if (percent === null) return null;
  const { value, standardError } = percent;
  const share = { value: value / 100, standardError: standardError === null ? null : standardError / 100 };
  return estimateText('taskRetentionRatio', share);
}
