import { GROUP, objectSchemas, SWEEPS } from './definition.js';
import { type Schema, structural } from './structural.js';

const COLUMNS = [
  { name: 'Progress', type: 'string', jsonPath: '.status.progress', description: 'Settled points of all.' },
  { name: 'Running', type: 'integer', jsonPath: '.status.running', description: 'Points measured now.' },
  { name: 'Failed', type: 'integer', jsonPath: '.status.failed', description: 'Points given up.' },
  {
    name: 'State',
    type: 'string',
    jsonPath: '.status.conditions[?(@.type=="Running")].reason',
    description: 'Why it runs, or does not.',
  },
  {
    name: 'Best',
    type: 'string',
    jsonPath: '.status.best',
    description: 'The best row by the first objective.',
  },
  {
    name: 'Reason',
    type: 'string',
    jsonPath: '.status.reason',
    description: 'Why it is not taken, waits, or lacks results; empty where nothing is to be said.',
  },
  {
    name: 'Sweep',
    type: 'string',
    jsonPath: '.status.sweepId',
    description: "The coordinator's id.",
    priority: 1,
  },
  { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
];

/** @returns the CustomResourceDefinition of Sweeps: `npm run generate` writes it into the chart. */
export function sweepDefinition(): object {
  const { spec, sweep, status } = objectSchemas();
  const judged = structural(spec as Schema, spec as Schema, true) as { properties: Record<string, Schema> };
  const document = {
    ...structural(sweep as Schema, sweep as Schema),
    description: 'What `ridge submit` takes. It never changes: another sweep is another object.',
    'x-kubernetes-validations': [
      { rule: 'self == oldSelf', message: 'a sweep never changes: make another object for another sweep' },
    ],
  };
  const { apiVersion, kind, plural } = SWEEPS;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    // With it every Sweep would go, so that Helm leaves it when the release goes.
    metadata: { name: `${plural}.${GROUP}`, annotations: { 'helm.sh/resource-policy': 'keep' } },
    spec: {
      group: GROUP,
      names: { kind, listKind: 'SweepList', plural, singular: 'sweep', categories: ['ridgepoint'] },
      scope: 'Namespaced',
      versions: [
        {
          name: apiVersion.split('/')[1],
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: COLUMNS,
          schema: {
            openAPIV3Schema: {
              description:
                'A sweep over configurations of language models, measured by agents of a coordinator.',
              type: 'object',
              required: ['spec'],
              properties: {
                apiVersion: { type: 'string', description: `${apiVersion}: the version of this kind.` },
                kind: { type: 'string', description: `${kind}: what the object is.` },
                // The API server describes it itself, and refuses more than its type.
                metadata: { type: 'object' },
                spec: {
                  ...judged,
                  description: 'What is measured, by whom, and whether it is to go on.',
                  properties: { ...judged.properties, sweep: document },
                },
                status: {
                  ...structural(status as Schema, status as Schema, true),
                  description: 'How the sweep stands, as the operator saw it last.',
                },
              },
            },
          },
        },
      ],
    },
  };
}
