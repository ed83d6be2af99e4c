import { useEffect, useRef } from 'preact/hooks';
import type { Failure } from '../../../../core/errors.js';
import { WARNINGS } from '../../../../core/result/warnings.js';
import { axisText } from '../../../../report/columns.js';
import { quotedOf, quotedText } from '../../../../report/quoted.js';
import type { Report } from '../../../../report/report.js';
import { phasesOf } from '../../../../report/roofline.js';
import type { Row } from '../../../../report/rows.js';
import { metricText, quantity } from '../../../../report/scale.js';
import type { Theme } from '../theme.js';
import { useWholeTrial } from '../whole-trial.js';
import { Lineage } from './lineage.js';
import { Measurements } from './measurements.js';
import { Operators } from './operators.js';
import { Power } from './power.js';
import { QualityView } from './quality.js';
import { Repeats } from './repeats.js';
import { RooflineView } from './roofline.js';
import { Samples } from './samples.js';
import { Served } from './served.js';
import { Timeline } from './timeline.js';
import { Training } from './training.js';

interface DetailProps {
  readonly report: Report;
  readonly row: Row;
  readonly theme: Theme;
  onClose(): void;
}

/** Everything that is known of one row, beside the table. */
export function Detail({ report, row, theme, onClose }: DetailProps) {
  const panel = useRef<HTMLElement>(null);
  const { trial } = row;
  const whole = useWholeTrial(trial);
  useEffect(() => {
    const before = document.activeElement;
    panel.current?.focus();
    return () => {
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    };
  }, []);
  useEffect(() => {
    panel.current?.scrollTo({ top: 0 });
  }, [row]);
  return (
    <aside class="detail" ref={panel} tabIndex={-1} aria-label={`Row ${row.number}`}>
      <div class="bar">
        <p class={`state ${row.grade ?? row.state}`}>
          #{row.number} · {row.grade ?? row.state}
          {row.onFront && ' · on the front'}
        </p>
        <span class="spring" />
        <button type="button" class="plain" onClick={onClose}>
          Close
        </button>
      </div>
      <h2>{row.label || report.sweepName}</h2>
      {row.state === 'valid' && row.offFront !== null && (
        <p class="quiet">Not on the front: {row.offFront}.</p>
      )}
      {trial.failure !== null && <FailureView of={trial.failure} />}
      {row.warnings.length > 0 && <Warnings of={row.warnings} />}
      <Levels row={row} />
      <Timeline phases={trial.phases} />
      <Served trial={whole.trial} number={row.number} starts={row.starts.length} theme={theme} />
      <QualityView quality={trial.quality} why={trial.absent.quality ?? null} />
      <RooflineView
        roofline={trial.roofline === null ? null : { ...trial.roofline, phases: [...phasesOf(row)] }}
      />
      <Operators trial={whole.trial} number={row.number} theme={theme} />
      <Training training={trial.training} />
      <Lineage artifact={trial.artifact} />
      <Repeats row={row} />
      <Power trial={whole.trial} number={row.number} theme={theme} />
      <Samples trial={whole.trial} theme={theme} />
      {whole.missing !== null && (
        <p class="quiet">The readings of the meters cannot be had: {whole.missing}</p>
      )}
      <Measurements trial={trial} />
      <Pairs
        title="Settings"
        pairs={Object.entries(row.axes).map(([name, value]) => [name, axisText(value)])}
      />
      <Pairs title="Environment" pairs={environment(row)} />
      {row.others.length > 0 && <OtherTrials of={row.others} />}
    </aside>
  );
}

/**
 * The numbers of a row that neighbours' readings adjust, at each level: what the table shows, and what stands
 * behind it.
 */
function Levels({ row }: { readonly row: Row }) {
  const shown = ['decodeTokensPerSecond', 'prefillTokensPerSecond'].flatMap((metric) => {
    const quoted = quotedOf(row, metric);
    return quoted === null || quoted.calm === null || quoted.asMeasured === null ? [] : [{ metric, quoted }];
  });
  if (shown.length === 0) return null;
  return (
    <section>
      <h3>Beside neighbours</h3>
      <dl class="pairs">
        {shown.map(({ metric, quoted }) => (
          <div key={metric}>
            <dt>{metric}</dt>
            <dd>
              {quoted.range === null ? 'this run' : 'as measured'} {quotedText(metric, quoted)}; starts{' '}
              {metricText(metric, quoted.asMeasured!)} in the mean; on a calm machine{' '}
              {metricText(metric, quoted.calm!.value, quoted.calm!.interval)}
            </dd>
          </div>
        ))}
      </dl>
      <p class="quiet">Phases, times and readings below are those of its first start.</p>
    </section>
  );
}

function FailureView({ of: failure }: { readonly of: Failure }) {
  return (
    <section class="failure">
      <p>
        <span class="code failed">{failure.code}</span> {failure.message}
      </p>
      {failure.hint !== null && <p>{failure.hint}</p>}
      {failure.signal !== null && <p class="quiet">ended by {failure.signal}</p>}
      {failure.stderrTail !== null && <pre>{failure.stderrTail}</pre>}
    </section>
  );
}

function Warnings({ of: warnings }: { readonly of: Row['warnings'] }) {
  return (
    <ul class="warnings">
      {warnings.map((warning) => (
        <li key={warning.code}>
          <span class={`code ${warning.severity}`}>{warning.code}</span>
          <span>
            {warning.message}
            <span class="quiet"> ({WARNINGS[warning.code].help})</span>
          </span>
        </li>
      ))}
    </ul>
  );
}

function OtherTrials({ of: trials }: { readonly of: Row['others'] }) {
  return (
    <section>
      <h3>Other trials</h3>
      <ul class="trials">
        {trials.map((other) => (
          <li key={other.trialId}>
            <code>{other.trialId}</code> attempt {other.sweep.attempt},{' '}
            {other.status === 'failed'
              ? `failed: ${other.failure?.code ?? ''}`
              : other.valid
                ? 'valid'
                : 'invalid'}
            {other.warnings.map((w) => ` ${w.code}`).join(',')}
          </li>
        ))}
      </ul>
    </section>
  );
}

function environment({ trial, experimentId }: Row): [string, string][] {
  const { node, device } = trial;
  const { promoted } = trial.sweep;
  return [
    ...(promoted === undefined ? [] : [['measured in full', promoted] as [string, string]]),
    ['node', `${node.name} (${node.hostname})`],
    ['cpu', `${node.cpuModel}, ${node.cores} cores, ${quantity(node.memoryBytes, 'B')}`],
    ['device', `${device.id} (${device.class}) ${device.name}`],
    ...Object.entries(trial.environment).map(([key, value]): [string, string] => [key, axisText(value)]),
    ['model digest', trial.experiment.model.digest ?? 'not known'],
    ['started', trial.startedAt],
    ['experiment', experimentId],
    ['trial', trial.trialId],
  ];
}

function Pairs({ title, pairs }: { title: string; pairs: readonly (readonly [string, string])[] }) {
  return (
    <section>
      <h3>{title}</h3>
      <dl class="pairs">
        {pairs.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
