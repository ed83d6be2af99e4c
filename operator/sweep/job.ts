import { createHash } from 'node:crypto';
import { canonicalJson } from '../../core/sweep/identity.js';
import type { Job, ObjectMeta } from '../kubernetes/objects.js';
import { type AgentsSpec, GROUP, SWEEPS, type SweepObject } from './definition.js';

/** What an operator knows of agents that the objects need not say. */
export interface AgentDefaults {
  readonly image: string;
  readonly imagePullPolicy: string | null;
  readonly imagePullSecrets: readonly string[];
  /** A Secret of the sweep's namespace; null = none, which only loopback allows. */
  readonly credentials: string | null;
  /** What agents dial. */
  readonly coordinator: string;
  /** User and group of the pods; null where the platform gives each namespace its own. */
  readonly user: number | null;
}

/** Marks what belongs to a Sweep; its value is the object's uid. */
export const UID_LABEL = `${GROUP}/sweep-uid`;
const INDEX_LABEL = `${GROUP}/agent`;
/** A digest of what the Job was made of: a Job's template never changes, so another one takes its place. */
const TEMPLATE_ANNOTATION = `${GROUP}/template`;
const QUEUE_LABEL = 'kueue.x-k8s.io/queue-name';

const CREDENTIALS = '/etc/ridgepoint/credentials';
const CONFIG = '/etc/ridgepoint/config';
const CACHE = '/var/cache/ridgepoint';
const STATE = '/var/lib/ridgepoint';
/** Bits of 0440: readable by the pod's group. */
const READABLE = 0o440;
/**
 * A pod that fails is started again, more and more slowly (Kubernetes doubles up to six minutes), for about
 * ten hours.
 */
const RESTARTS = 100;

/** Of the names of pods, whose limit a label has: the name's beginning, six digits of the uid, the number. */
const NAME_CHARACTERS = 40;

/**
 * @returns the name of the Job that is agent number `index` of an object; the same whenever it is asked for.
 */
function jobName({ metadata }: SweepObject, index: number): string {
  const start = metadata.name
    .slice(0, NAME_CHARACTERS)
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/-+$/, '');
  return `${start}-${sha256(metadata.uid ?? '').slice(0, 6)}-${index}`;
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** @returns whether a Job is what would be made now; else another one has to take its place. */
export function isCurrent(job: Job, wanted: Job): boolean {
  return (
    job.metadata.annotations?.[TEMPLATE_ANNOTATION] === wanted.metadata.annotations?.[TEMPLATE_ANNOTATION]
  );
}

/**
 * The Job of one agent: one pod that works for one sweep alone, with devices that Kubernetes gives to nobody
 * else meanwhile. With a queue it is made suspended, and Kueue says when it begins.
 */
export function agentJob(
  object: SweepObject,
  agents: AgentsSpec,
  index: number,
  sweepId: string,
  defaults: AgentDefaults,
): Job {
  const { name, namespace, uid } = object.metadata;
  const template = podTemplate(agents, sweepId, defaults);
  const labels = {
    'app.kubernetes.io/name': 'ridgepoint',
    'app.kubernetes.io/component': 'sweep-agent',
    'app.kubernetes.io/managed-by': 'ridgepoint-operator',
    [UID_LABEL]: uid ?? '',
  };
  const metadata: ObjectMeta = {
    name: jobName(object, index),
    ...(namespace !== undefined && { namespace }),
    labels: {
      ...labels,
      [INDEX_LABEL]: `${index}`,
      ...(agents.queueName !== undefined && { [QUEUE_LABEL]: agents.queueName }),
    },
    annotations: {
      [TEMPLATE_ANNOTATION]: sha256(canonicalJson({ template, queue: agents.queueName })).slice(0, 16),
    },
    // Whatever becomes of the operator, what it made goes after the object.
    ownerReferences: [
      { apiVersion: SWEEPS.apiVersion, kind: SWEEPS.kind, name, uid: uid ?? '', controller: true },
    ],
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata,
    spec: {
      parallelism: 1,
      completions: 1,
      backoffLimit: RESTARTS,
      ...(agents.queueName !== undefined && { suspend: true }),
      // A node that goes down, or a pod that has to make room, is no failure of the agent.
      podFailurePolicy: {
        rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
      },
      template: { metadata: { labels }, spec: template },
    },
  };
}

function podTemplate(agents: AgentsSpec, sweepId: string, defaults: AgentDefaults): Record<string, unknown> {
  const { user } = defaults;
  const secrets = agents.imagePullSecrets ?? defaults.imagePullSecrets;
  return {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: agents.terminationGracePeriodSeconds,
    securityContext: {
      runAsNonRoot: true,
      ...(user !== null && {
        runAsUser: user,
        runAsGroup: user,
        fsGroup: user,
        fsGroupChangePolicy: 'OnRootMismatch',
      }),
      seccompProfile: { type: 'RuntimeDefault' },
    },
    ...(secrets.length > 0 && { imagePullSecrets: secrets.map((name) => ({ name })) }),
    ...given({
      nodeSelector: agents.nodeSelector,
      tolerations: agents.tolerations,
      affinity: agents.affinity,
      runtimeClassName: agents.runtimeClassName,
      priorityClassName: agents.priorityClassName,
      serviceAccountName: agents.serviceAccountName,
    }),
    containers: [container(agents, sweepId, defaults)],
    volumes: volumes(agents, defaults),
  };
}

function container(agents: AgentsSpec, sweepId: string, defaults: AgentDefaults): Record<string, unknown> {
  const policy = agents.imagePullPolicy ?? defaults.imagePullPolicy;
  const models = agents.models ?? [];
  const credentials = agents.credentials ?? defaults.credentials;
  const env = (name: string, value: string) => ({ name, value });
  return {
    name: 'agent',
    image: agents.image ?? defaults.image,
    ...(policy !== null && { imagePullPolicy: policy }),
    args: [
      'agent',
      ...(agents.config === undefined ? [] : ['--config', `${CONFIG}/agent.yaml`]),
      ...['--coordinator', defaults.coordinator, '--sweep', sweepId],
    ],
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    env: [
      { name: 'RIDGE_NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      env('RIDGE_CACHE_FOLDER', CACHE),
      env('RIDGE_STATE_FOLDER', STATE),
      ...(models.length > 0
        ? [env('RIDGE_MODEL_FOLDERS', models.map(({ name }) => `/models/${name}`).join(':'))]
        : []),
      ...(credentials === null ? [] : [env('RIDGE_CREDENTIALS', CREDENTIALS)]),
      ...(agents.env ?? []),
    ],
    ...given({ resources: agents.resources }),
    volumeMounts: [
      { name: 'cache', mountPath: CACHE },
      { name: 'state', mountPath: STATE },
      { name: 'tmp', mountPath: '/tmp' },
      ...(credentials === null ? [] : [{ name: 'credentials', mountPath: CREDENTIALS, readOnly: true }]),
      ...(agents.config === undefined ? [] : [{ name: 'config', mountPath: CONFIG, readOnly: true }]),
      ...models.map(({ name }) => ({ name: `models-${name}`, mountPath: `/models/${name}`, readOnly: true })),
    ],
  };
}

function volumes(agents: AgentsSpec, defaults: AgentDefaults): Record<string, unknown>[] {
  const credentials = agents.credentials ?? defaults.credentials;
  const { config } = agents;
  const items = [{ key: config?.key ?? 'agent.yaml', path: 'agent.yaml' }];
  return [
    { name: 'cache', ...(agents.cache ?? { emptyDir: {} }) },
    { name: 'state', ...(agents.state ?? { emptyDir: {} }) },
    { name: 'tmp', emptyDir: { sizeLimit: '1Gi' } },
    ...(credentials === null
      ? []
      : [{ name: 'credentials', secret: { secretName: credentials, defaultMode: READABLE } }]),
    ...(config?.configMap === undefined
      ? []
      : [{ name: 'config', configMap: { name: config.configMap, items } }]),
    ...(config?.secret === undefined
      ? []
      : [{ name: 'config', secret: { secretName: config.secret, items, defaultMode: READABLE } }]),
    ...(agents.models ?? []).map(({ name, volume }) => ({ name: `models-${name}`, ...volume })),
  ];
}

const given = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** What has become of a Job. */
export type JobState = 'waiting' | 'active' | 'suspended' | 'ended' | 'failed' | 'going';

export function jobState(job: Job): JobState {
  if (job.metadata.deletionTimestamp !== undefined) return 'going';
  const hasCondition = (type: string) =>
    job.status?.conditions?.some((one) => one.type === type && one.status === 'True');
  if (hasCondition('Failed') === true) return 'failed';
  if (hasCondition('Complete') === true) return 'ended';
  if (job.spec.suspend === true) return 'suspended';
  return (job.status?.active ?? 0) > 0 ? 'active' : 'waiting';
}
