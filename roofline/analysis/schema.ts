import { RANGE_PATTERN } from '../../core/input/ranges.js';
import { FIELDS } from './fields.js';
import { POINT_DEFAULTS, POINT_FIELDS, type PointField } from './point.js';

type Schema = Readonly<Record<string, unknown>>;

/**
 * The published JSON Schema of files of `kind: Roofline`: it is for editors, while `readAnalysisSpec` decides
 * what is valid.
 */
export function rooflineJsonSchema(): Schema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Ridgepoint roofline file',
    description: 'Points of the analytic model: every list is multiplied with every other.',
    type: 'object',
    additionalProperties: false,
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
    properties: {
      apiVersion: { const: 'ridgepoint.dev/v1' },
      kind: { const: 'Roofline' },
      metadata: {
        type: 'object',
        additionalProperties: false,
        required: ['name'],
        properties: { name: { type: 'string', pattern: '^[a-z0-9][a-z0-9.-]{0,62}$' } },
      },
      spec: {
        type: 'object',
        additionalProperties: false,
        required: ['model', 'hardware', 'context'],
        properties: Object.fromEntries(POINT_FIELDS.map((name) => [name, fieldSchema(name)])),
      },
    },
  };
}

function fieldSchema(name: PointField): Schema {
  const { scalar, counts, help } = FIELDS[name];
  const one = counts ? { anyOf: [scalar, { type: 'string', pattern: RANGE_PATTERN }] } : scalar;
  const fallback = POINT_DEFAULTS[name];
  return {
    description: help,
    ...(fallback === null ? {} : { default: fallback }),
    anyOf: [one, { type: 'array', minItems: 1, items: one }],
  };
}
