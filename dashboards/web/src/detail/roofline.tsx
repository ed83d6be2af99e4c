import type { RooflinePhase, RooflineRecord } from '../../../../core/result/roofline-record.js';
import { predictedFrom, rateText } from '../../../../report/roofline.js';
import { quantity } from '../../../../report/scale.js';
import { Heads } from '../heads.js';

const percent = (ratio: number | null) => (ratio === null ? '–' : `${(100 * ratio).toFixed(1)} %`);
const rate = (value: number | null, unit: 'FLOP/s' | 'B/s') => (value === null ? '–' : rateText(value, unit));

/** Where each phase stands under its roofs, and, of a profiled trial, its modules. */
export function RooflineView({ roofline }: { roofline: RooflineRecord | null }) {
  if (roofline === null || roofline.phases.length === 0) return null;
  const { ceilings, threads } = roofline;
  const alone = roofline.phases.some((phase) => predictedFrom(roofline, phase) === 'roofs');
  return (
    <section class="roofline">
      <h3>Roofline</h3>
      <p class="quiet">
        {ceilings.origin === 'measured' ? 'measured' : 'published'} roofs of {devicesText(roofline)},{' '}
        {threads} threads
        {alone && '; predicted by the roofs alone, for nobody fits factors of these kernels'}
        {roofline.predictedBy !== undefined && `; predicted by ${roofline.predictedBy}`}
      </p>
      <table class="figures">
        <Heads of={['phase', 'of the roof', 'bound', 'MFU', 'MBU', 'measured', 'predicted', 'FLOP/byte']} />
        <tbody>
          {roofline.phases.map((phase) => (
            <tr key={phase.name}>
              <th scope="row">{phase.name}</th>
              <td>{percent(phase.roofRatio)}</td>
              <td>{phase.boundLevel}</td>
              <td>{percent(phase.mfu)}</td>
              <td>{percent(phase.mbu)}</td>
              <td>{quantity(phase.measuredSeconds, 's')}</td>
              <td title={extrapolated(phase)}>{predictedText(phase)}</td>
              <td>{phase.intensity.toPrecision(3)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {roofline.phases.map((phase) => (
        <Parts key={phase.name} phase={phase} />
      ))}
      <Served roofline={roofline} />
      {roofline.phases.map((phase) => (
        <Modules key={phase.name} phase={phase} />
      ))}
    </section>
  );
}

/** `H100`, or `H100 (17 layers), then A100 (15 layers)`. */
function devicesText({ ceilings, stages = [], served, devices = 1 }: RooflineRecord): string {
  if (stages.length > 1)
    return stages.map((stage) => `${stage.ceilings.name} (${stage.layers} layers)`).join(', then ');
  return served === undefined && devices > 1 ? `one of ${devices} devices, ${ceilings.name}` : ceilings.name;
}

/** `12.3 ms, 10.1 ms to 15.0 ms`, with a star where it reaches beyond what its error was learned from. */
function predictedText({ predictedSeconds, predictionError }: RooflinePhase): string {
  if (predictedSeconds === null) return '–';
  const text = quantity(predictedSeconds, 's');
  if (predictionError === undefined) return text;
  const { ratio, beyond } = predictionError;
  const [low, high] = [predictedSeconds / ratio, predictedSeconds * ratio].map((end) => quantity(end, 's'));
  return `${text}, ${low} to ${high}${beyond.length > 0 ? ' *' : ''}`;
}

function extrapolated({ predictionError }: RooflinePhase): string | undefined {
  const beyond = predictionError?.beyond ?? [];
  return beyond.length === 0 ? undefined : `extrapolated: ${beyond.join(', ')}`;
}

/** What a measured time is made of, as far as it is known. */
function Parts({ phase: { name, measuredSeconds, parts } }: { phase: RooflinePhase }) {
  if (parts === undefined) return null;
  const { operatorSeconds, gapSeconds, queueSeconds } = parts;
  const rest = measuredSeconds - operatorSeconds - (gapSeconds ?? 0) - (queueSeconds ?? 0);
  const known = [
    `${quantity(operatorSeconds, 's')} of operators, predicted`,
    gapSeconds === null ? 'gaps that nobody fitted' : `${quantity(gapSeconds, 's')} of gaps, predicted`,
    ...(queueSeconds === null ? ['a queue of which the server tells nothing'] : []),
    ...(queueSeconds !== null && queueSeconds > 0
      ? [`${quantity(queueSeconds, 's')} in the queue by the server’s metrics`]
      : []),
  ];
  const left =
    rest < 0
      ? `${quantity(-rest, 's')} less than these together`
      : `${quantity(rest, 's')} that nothing explains`;
  return (
    <p class="quiet">
      {name}: {quantity(measuredSeconds, 's')} measured: {known.join('; ')}; {left}
    </p>
  );
}

/** What a step of a server held, and what the names of its phases mean. */
function Served({ roofline: { served, devices = 1 } }: { roofline: RooflineRecord }) {
  if (served === undefined) return null;
  const { window, batchFrom, stepSequences, contextTokens, promptsPerStep, promptTokens, cachedTokens } =
    served;
  const rounded = (value: number) => Number(value.toPrecision(3));
  return (
    <p class="quiet">
      prefill is the time to the first token of a prompt of {rounded(promptTokens)} tokens
      {cachedTokens >= 1 && `, ${rounded(cachedTokens)} of them in the prefix cache,`} alone; decode is a step
      of {rounded(stepSequences)} sequences (
      {batchFrom === 'requests' ? 'by our requests' : 'by the server’s metrics'}) with{' '}
      {rounded(contextTokens)} tokens before it and {rounded(promptsPerStep)} prompts in it; serve is all of{' '}
      {window.steady ? 'the steady state' : 'the run'}
      {devices > 1 && `, on one of ${devices} devices`}
    </p>
  );
}

function Modules({ phase }: { phase: RooflinePhase }) {
  if (phase.modules === null) return null;
  return (
    <table class="figures modules">
      <caption>modules of the {phase.name}, timed one by one in a run of their own</caption>
      <Heads
        of={['module', 'calls', 'time', 'share', 'FLOP/s', 'B/s', 'FLOP/byte', 'of the roof', 'bound']}
      />
      <tbody>
        {phase.modules.map((row) => (
          <tr key={row.module}>
            <th scope="row">{row.module}</th>
            <td>{row.calls}</td>
            <td>{quantity(row.seconds, 's')}</td>
            <td>{percent(row.share)}</td>
            <td>{rate(row.flopsPerSecond, 'FLOP/s')}</td>
            <td>{rate(row.bytesPerSecond, 'B/s')}</td>
            <td>{row.intensity === null ? '–' : row.intensity.toPrecision(3)}</td>
            <td>{percent(row.roofRatio)}</td>
            <td>{row.bound ?? '–'}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
