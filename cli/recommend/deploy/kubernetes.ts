import { stringify } from 'yaml';
import { nodeDemands } from '../../../core/runners/node-demands.js';
import { readQuantity } from '../../../report/recommend/quantity.js';
import { type Deployment, imageOf, kubernetesWord, MODEL_FOLDER, onGpu } from './deployed.js';

/** Of the memory that was measured, for what a longer life adds. */
const MEMORY_ROOM = 1.25;
const PROBE_SECONDS = 5;

/** @returns a Deployment and a Service, as YAML. @param asked an image in place of the published one. */
export function manifest(deployment: Deployment, asked: string | undefined): string {
  const { name, port, profile, judged } = deployment;
  const labels = { 'app.kubernetes.io/name': name };
  const metadata = {
    name,
    labels,
    annotations: { 'ridgepoint.dev/experiment': judged.candidate.experiment.id },
  };
  const documents = [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            terminationGracePeriodSeconds: Math.ceil(profile.shutdown.seconds) + PROBE_SECONDS,
            automountServiceAccountToken: false,
            containers: [container(deployment, asked)],
            volumes: [{ name: 'models', persistentVolumeClaim: { claimName: 'models', readOnly: true } }],
          },
        },
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: labels, ports: [{ name: 'http', port, targetPort: 'http' }] },
    },
  ];
  return documents.map((one) => stringify(one, { lineWidth: 0 })).join('---\n');
}

function container(deployment: Deployment, asked: string | undefined): object {
  const { profile, port } = deployment;
  const { environment, container: published } = profile;
  const command = published?.command;
  const probe = { httpGet: { path: profile.readiness.path, port: 'http' }, periodSeconds: PROBE_SECONDS };
  return {
    name: profile.name,
    image: asked ?? imageOf(deployment),
    ...(command === undefined ? {} : { command: [...command] }),
    args: deployment.arguments.map(kubernetesWord),
    ...(Object.keys(environment).length === 0
      ? {}
      : { env: Object.entries(environment).map(([name, value]) => ({ name, value })) }),
    ports: [{ name: 'http', containerPort: port }],
    // As long as the profile gives it to load its model.
    startupProbe: { ...probe, failureThreshold: Math.ceil(profile.readiness.seconds / PROBE_SECONDS) },
    readinessProbe: probe,
    livenessProbe: { ...probe, failureThreshold: 6 },
    resources: resourcesOf(deployment),
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: [{ name: 'models', mountPath: MODEL_FOLDER, readOnly: true }],
  };
}

/** What the row took: its threads, its memory with room above, its GPUs. */
export function resourcesOf(deployment: Deployment): object {
  const { candidate } = deployment.judged;
  const { options } = candidate.experiment.runner;
  const resident = readQuantity('peakResidentBytes');
  const bytes = resident.ok ? candidate.figure(resident.value).value : null;
  const memory = bytes === null ? null : `${Math.ceil((bytes * MEMORY_ROOM) / 2 ** 20)}Mi`;
  const cpu = typeof options.threads === 'number' ? String(options.threads) : null;
  const gpus = onGpu(deployment) ? { 'nvidia.com/gpu': String(nodeDemands(options).devices) } : {};
  return {
    requests: { ...(cpu === null ? {} : { cpu }), ...(memory === null ? {} : { memory }), ...gpus },
    limits: { ...(memory === null ? {} : { memory }), ...gpus },
  };
}
