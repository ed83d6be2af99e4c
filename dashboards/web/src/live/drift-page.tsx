import { useEffect, useMemo, useState } from 'preact/hooks';
import { metricNamed } from '../../../../core/metrics/catalogue.js';
import { minuteOf } from '../../../../core/minute.js';
import { labelOf } from '../../../../report/columns.js';
import type { LiveChart, LiveDrift } from '../../../../report/live/live.js';
import { ChartView } from '../charts/chart.js';
import { Picker } from '../charts/choices.js';
import { controlData, controlOption, valueText } from '../charts/control-option.js';
import { PlotFrame } from '../charts/frame.js';
import type { Theme } from '../theme.js';
import { askJson } from './api.js';

/** Days do not pass faster. */
const AGAIN_MILLISECONDS = 30_000;
/** Charts that are drawn at first, and by each press of the button. */
const SHOWN = 8;

/** The same experiments over time on each node: what is out of limits, and since when a level is another. */
export function DriftPage({ theme }: { theme: Theme }) {
  const drift = useDrift();
  const [node, setNode] = useState('');
  const [metric, setMetric] = useState('');
  const [most, setMost] = useState(SHOWN);
  const charts = drift?.charts ?? [];
  const chosen = charts.filter(
    (chart) => (node === '' || chart.node === node) && (metric === '' || chart.metric === metric),
  );
  const nameOf = (name: string) => {
    const metric = metricNamed(name);
    return metric === null || metric === undefined ? name : labelOf(metric);
  };
  return (
    <main class="live drift">
      <h1 tabIndex={-1}>Drift</h1>
      {drift === null ? (
        <p class="empty">Asking the coordinator…</p>
      ) : charts.length === 0 ? (
        <p class="empty">
          No experiment has two sittings yet: the same sweep on another day, or an hour later, makes a chart.
        </p>
      ) : (
        <>
          <p class="counts">{countsText(drift)}</p>
          {drift.sentences.length > 0 && (
            <ul class="alarms">
              {drift.sentences.map((sentence) => (
                <li key={sentence}>{sentence}</li>
              ))}
            </ul>
          )}
          <div class="bar">
            <Picker
              label="Node"
              value={node}
              options={choices(charts, ({ node: at }) => at)}
              onPick={setNode}
            />
            <Picker
              label="Metric"
              value={metric}
              options={choices(charts, ({ metric: name }) => name, nameOf)}
              onPick={setMetric}
            />
          </div>
          {chosen.slice(0, most).map((chart) => (
            <Control key={keyOf(chart)} chart={chart} metric={nameOf(chart.metric)} theme={theme} />
          ))}
          {chosen.length > most && (
            <button type="button" onClick={() => setMost(most + SHOWN)}>
              Show {Math.min(SHOWN, chosen.length - most)} more of {chosen.length - most}
            </button>
          )}
        </>
      )}
    </main>
  );
}

const keyOf = ({ node, device, experimentId, metric }: LiveChart) =>
  [node, device, experimentId, metric].join(' ');

function choices(
  charts: readonly LiveChart[],
  of: (chart: LiveChart) => string,
  name = (value: string) => value,
): [string, string][] {
  const values = [...new Set(charts.map(of))].sort();
  return [['', 'all'], ...values.map((value): [string, string] => [value, name(value)])];
}

function countsText({ charts, left, baselines }: LiveDrift): string {
  const changed = charts.filter(({ changes }) => changes.length > 0).length;
  const out = charts.filter(({ last }) => last === 'out of limits').length;
  const saved = baselines.map(({ name, savedAt }) => `${name} (${savedAt.slice(0, 10)})`);
  return [
    `${charts.length} charts`,
    `${changed} with a level that changed`,
    `${out} out of limits at their last sitting`,
    ...(left > 0 ? [`${left} more are not shown`] : []),
    saved.length === 0 ? 'no baseline is saved' : `baselines: ${saved.join(', ')}`,
  ].join(' · ');
}

function Control({ chart, metric, theme }: { chart: LiveChart; metric: string; theme: Theme }) {
  const option = useMemo(() => controlOption(chart), [chart, theme]);
  const place = `${chart.node} ${chart.device}`;
  const { centre = null, limits = null } = chart.chart ?? {};
  const said = [
    chart.last,
    ...(centre === null ? [] : [`usually ${valueText(chart, centre)}`]),
    ...(limits === null ? [] : [`limits ${limits.map((end) => valueText(chart, end)).join(' to ')}`]),
    ...chart.baselines.map(({ name, value }) => `${name} ${valueText(chart, value)}`),
  ];
  return (
    <PlotFrame
      id={`drift ${keyOf(chart)}`.replaceAll(' ', '-')}
      title={`${chart.label}: ${metric}`}
      kind={`control ${chart.changes.length > 0 || chart.last === 'out of limits' ? 'alarm' : ''}`}
      note={`${place} · ${said.join(' · ')}`}
      file={`drift-${place}-${chart.label}-${chart.metric}`}
      data={() => controlData(chart)}
    >
      <ChartView
        option={option}
        height={190}
        label={`${chart.label}, ${metric} on ${place}: ${chart.sittings.length} sittings, ${chart.last}, ${chart.changes.length} changes of level`}
      />
      {chart.changes.map(({ at, environment }) => (
        <p key={at} class="quiet">
          Another level since {minuteOf(at)} UTC
          {environment.length > 0 && `; with it changed ${environment.join(', ')}`}
        </p>
      ))}
    </PlotFrame>
  );
}

/** Asks as long as it is looked at; while the coordinator does not answer what was known stays. */
function useDrift(): LiveDrift | null {
  const [drift, setDrift] = useState<LiveDrift | null>(null);
  useEffect(() => {
    const gone = new AbortController();
    const look = () => {
      askJson<LiveDrift>('drift', gone.signal).then(setDrift, () => undefined);
    };
    look();
    const again = setInterval(look, AGAIN_MILLISECONDS);
    return () => {
      clearInterval(again);
      gone.abort();
    };
  }, []);
  return drift;
}
