import { z } from 'zod';
import { integerBetween, textUpTo } from '../../core/bounds.js';
import { sweepJsonSchema } from '../../core/sweep/schema.js';
import { API_VERSION } from '../../core/sweep/spec.js';
import type { Condition, KubeObject, Resource } from '../kubernetes/objects.js';

/**
 * The kind as Kubernetes has it. The files of `ridge submit` are `v1` of the same group: they are what
 * `spec.sweep` holds.
 */
export const SWEEPS: Resource = { apiVersion: 'ridgepoint.dev/v1alpha1', kind: 'Sweep', plural: 'sweeps' };
export const GROUP = 'ridgepoint.dev';

const name = (what: string) =>
  z
    .string()
    .regex(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/)
    .describe(what);
/** Objects of Kubernetes' own, which the API server judges when the Job is made. */
const passedOn = (what: string) => z.looseObject({}).describe(what);
const volume = (what: string) =>
  passedOn(
    `${what}, as pods write a volume: { persistentVolumeClaim: { claimName } }, { hostPath: { path } }, …`,
  );

const reference = z
  .strictObject({
    configMap: name('A ConfigMap of the namespace.').optional(),
    secret: name('A Secret of the namespace, instead.').optional(),
    key: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,253}$/)
      .default('agent.yaml')
      .describe('The key that holds it.'),
  })
  .meta({
    'x-kubernetes-validations': [
      { rule: 'has(self.configMap) != has(self.secret)', message: 'name either a configMap or a secret' },
    ],
  });

const agentsSchema = z.strictObject({
  replicas: integerBetween(0, 1000)
    .default(1)
    .describe('Agents, each a Job with devices of its own; so many points are measured in parallel.'),
  image: textUpTo(1000).optional().describe("The agents' image; the operator's own choice when left out."),
  imagePullPolicy: z
    .enum(['Always', 'IfNotPresent', 'Never'])
    .optional()
    .describe("As of a pod's container."),
  imagePullSecrets: z
    .array(name('A Secret.'))
    .max(10)
    .optional()
    .describe('Secrets of kind dockerconfigjson.'),
  queueName: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/)
    .optional()
    .describe('A LocalQueue of Kueue: Jobs are made suspended, and Kueue says when each begins.'),
  resources: passedOn(
    "Of each agent, as a container's; devices are limits, as nvidia.com/gpu: 1.",
  ).optional(),
  nodeSelector: z.record(z.string(), z.string()).optional().describe('Labels of nodes.'),
  tolerations: z.array(passedOn('A toleration.')).max(50).optional().describe('Taints that agents bear.'),
  affinity: passedOn("As a pod's.").optional(),
  runtimeClassName: name('Of the pods, as nvidia.').optional(),
  priorityClassName: name('Of the pods.').optional(),
  serviceAccountName: name('Of the pods; its token is not mounted.').optional(),
  env: z
    .array(passedOn('A variable.'))
    .max(100)
    .optional()
    .describe("Of the container, after the operator's own."),
  models: z
    .array(
      z.strictObject({
        name: z
          .string()
          .regex(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/)
          .describe('Models are named /models/NAME/….'),
        volume: volume('Where they are'),
      }),
    )
    .max(50)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] })
    .describe('Folders whose models the sweep may name, mounted read-only.'),
  cache: volume('Artifacts and fetched models').optional(),
  state: volume('Measured ceilings and results that nobody has confirmed yet').optional(),
  config: reference.optional().describe("The agents' configuration file."),
  credentials: name(
    'A Secret with what the coordinator wants of an agent: ca.crt, and tls.crt with tls.key, or token.',
  ).optional(),
  terminationGracePeriodSeconds: integerBetween(0, 86_400)
    .default(600)
    .describe('What runs is finished for so long when an agent has to go.'),
});

/**
 * What `spec` of a Sweep may say. `sweep` is judged by the coordinator's own parser, whose sentences say more
 * than a schema can.
 */
export const specSchema = z.strictObject({
  sweep: z
    .looseObject({})
    .describe('What `ridge submit` takes. It never changes: another sweep is another object.'),
  cancel: z
    .boolean()
    .default(false)
    .describe('Stop what runs; results are kept. Taken back, the sweep goes on.'),
  suspend: z
    .boolean()
    .default(false)
    .describe(
      'Begin nothing more; what runs is finished, then its agents go. Taken back, the sweep goes on.',
    ),
  coordinator: z
    .strictObject({
      address: textUpTo(1000).describe('host:port, or several with commas between.'),
      credentials: name('A Secret of the namespace: ca.crt, and tls.crt with tls.key, or token.').optional(),
    })
    .optional()
    .describe("Another coordinator than the operator's, where the operator allows that."),
  agents: agentsSchema
    .optional()
    .describe('Agents for this sweep alone. Left out, those that the coordinator has anyway measure it.'),
});

export type AgentsSpec = z.output<typeof agentsSchema>;
export type SweepSpec = z.output<typeof specSchema>;

/** One row of the results, as `ridge results` has it. */
export interface BestRow {
  readonly experimentId: string;
  readonly label: string;
  /** The sweep's objectives by the names of the metrics catalogue, in its units. */
  readonly metrics: Readonly<Record<string, number>>;
}

export interface SweepObjectStatus {
  readonly observedGeneration?: number;
  readonly sweepId?: string;
  /**
   * What the operator asked the coordinator for because of this object, so that it is taken back when the
   * object says so no more.
   */
  readonly asked?: 'cancel' | 'suspend';
  readonly points?: number;
  readonly complete?: number;
  readonly disturbed?: number;
  readonly failed?: number;
  readonly invalid?: number;
  readonly running?: number;
  readonly queued?: number;
  /** `12/40` */
  readonly progress?: string;
  /** One line for a table: why it is not taken, waits, or lacks results. Left out = nothing is to be said. */
  readonly reason?: string;
  readonly agents?: { readonly wanted: number; readonly active: number; readonly suspended: number };
  /** Of `bestRows` the first, in one line. */
  readonly best?: string;
  readonly bestRows?: readonly BestRow[];
  /** `sha256:` of the JSON of bestRows, keys sorted. */
  readonly bestRowsDigest?: string;
  readonly conditions?: readonly Condition[];
}

export interface SweepObject extends KubeObject {
  readonly spec: unknown;
  readonly status?: SweepObjectStatus;
}

const count = (what: string) => z.int().min(0).optional().describe(what);

/** What the status of a Sweep holds: counts and a few rows. Results stay in the coordinator's log. */
const statusSchema = z.strictObject({
  observedGeneration: count('The generation of the spec that all of this is about.'),
  sweepId: z.string().optional().describe("The coordinator's id, for `ridge results` and the others."),
  asked: z.enum(['cancel', 'suspend']).optional().describe('What this object made the operator ask for.'),
  points: count('Points of the sweep.'),
  complete: count('Points with a valid result.'),
  disturbed: count('Of these, those of which something disturbed a start.'),
  failed: count('Points that were given up.'),
  invalid: count('Points that stayed invalid.'),
  running: count('Points that are measured at this moment.'),
  queued: count('Points that wait.'),
  progress: z.string().optional().describe('Settled points of all.'),
  reason: z
    .string()
    .optional()
    .describe('One line: why it is not taken, waits, or lacks results; the conditions say it in full.'),
  agents: z
    .strictObject({
      wanted: z.int().describe('Jobs that there are to be.'),
      active: z.int().describe('Jobs that have a pod.'),
      suspended: z.int().describe('Jobs that wait for a queue.'),
    })
    .optional()
    .describe('Jobs of agents.'),
  best: z.string().optional().describe('The best row by the first objective.'),
  bestRows: z
    .array(
      z.strictObject({
        experimentId: z.string().describe('The id of the experiment, as `ridge results` has it.'),
        label: z.string().describe('What distinguishes it from the other rows.'),
        metrics: z.record(z.string(), z.number()).describe("Its values of the sweep's objectives."),
      }),
    )
    .max(10)
    .optional()
    .describe('The best rows of the Pareto front.'),
  bestRowsDigest: z.string().optional().describe('sha256 of the JSON of bestRows.'),
  conditions: z
    .array(
      z.strictObject({
        type: z.string().describe('Accepted, Running, Complete or Degraded.'),
        status: z.enum(['True', 'False', 'Unknown']).describe('Whether it holds.'),
        reason: z.string().describe('Why, in one word.'),
        message: z.string().describe('Why, in sentences.'),
        observedGeneration: z.int().optional().describe('The generation of the spec that it is about.'),
        lastTransitionTime: z.iso.datetime().describe('When the status changed last.'),
      }),
    )
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] })
    .describe('Accepted, Running, Complete and Degraded.'),
});

/** The JSON Schemas that the CustomResourceDefinition is made of. */
export function objectSchemas(): { spec: object; sweep: object; status: object } {
  const schemaOf = (schema: z.ZodType) => z.toJSONSchema(schema, { io: 'input' });
  return { spec: schemaOf(specSchema), sweep: sweepJsonSchema(), status: schemaOf(statusSchema) };
}

/** What the document of an object leaves out: its own name, where `spec.sweep` has none. */
export function documentOf(object: SweepObject): string {
  const { sweep } = object.spec as { sweep: { metadata?: { name?: string } } };
  const metadata = { name: object.metadata.name.slice(0, 63), ...sweep.metadata };
  return JSON.stringify({ apiVersion: API_VERSION, kind: 'Sweep', ...sweep, metadata });
}
