import * as units from '@grafana/grafana-foundation-sdk/units';
import { type MetricName, metricNamed, type Unit } from '../../core/metrics/catalogue.js';
import { ratioStyle } from '../../core/metrics/format.js';

/**
 * A metric of results as dashboards show it: its series, Grafana's word for its unit, and the catalogue's
 * help.
 */
export interface ShownMetric {
  readonly series: string;
  readonly unit: string;
  readonly help: string;
}

/** `si:` lets Grafana put SI prefixes before a symbol that it does not know. */
const UNITS: Readonly<Record<Unit, string>> = {
  'tokens/s': 'si:t/s',
  s: units.Seconds,
  B: units.BytesSI,
  J: units.Joule,
  'J/token': 'si:J/token',
  W: units.Watt,
  Hz: units.Hertz,
  celsius: units.Celsius,
  ratio: units.NoUnit,
  cores: 'suffix: cores',
  'tokens/J': 'si:t/J',
  'J*s': 'si:J·s',
  nats: 'suffix: nats',
  parameters: units.Short,
  '1/s': 'si:/s',
  'B/s': units.BytesPerSecondSI,
  'FLOP/s': units.FlopsPerSecond,
  g: 'si:g',
  'g/token': 'si:g/token',
};

/** @returns how a metric of the catalogue is shown. */
export function shown(name: MetricName): ShownMetric {
  const definition = metricNamed(name);
  if (definition === undefined) throw new Error(`${name} is not in the catalogue`);
  const percent = ratioStyle(name) === 'percent';
  return {
    series: `ridgepoint_${definition.prometheus}`,
    unit: percent ? units.PercentUnit : UNITS[definition.unit],
    help: definition.help,
  };
}

/** Units of quantities that are no metrics of results. */
export const UNIT = {
  count: units.Short,
  share: units.PercentUnit,
  seconds: units.Seconds,
  bytes: units.BytesSI,
  watts: units.Watt,
  joules: units.Joule,
  celsius: units.Celsius,
  hertz: units.Hertz,
  flops: units.FlopsPerSecond,
  bytesPerSecond: units.BytesPerSecondSI,
  flopsPerByte: 'suffix: FLOP/B',
  perSecond: 'si:/s',
  /** Where the reader chooses what is shown. */
  chosen: units.Short,
} as const;
