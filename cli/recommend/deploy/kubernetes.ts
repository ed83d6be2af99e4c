import { stringify } from 'yaml';
import { type Deployment, imageOf, kubernetesWord, MODEL_FOLDER } from './deployed.js';

const PROBE_SECONDS = 5;

/** @returns a Deployment and a Service, as YAML. @param asked an image in place of the published one. */
export function manifest(deployment: Deployment, asked: string | undefined): string {
  const { name, port, profile, experiment, replicas } = deployment;
  const labels = { 'app.kubernetes.io/name': name };
  const metadata = {
    name,
    labels,
    ...(experiment === null ? {} : { annotations: { 'ridgepoint.dev/experiment': experiment } }),
  };
  const documents = [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas,
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

/** What a replica takes: its threads, its memory with room above, its GPUs. */
function resourcesOf({ cpus, memoryBytes, gpus: count }: Deployment): object {
  const memory = memoryBytes === null ? null : `${Math.ceil(memoryBytes / 2 ** 20)}Mi`;
  const gpus = count > 0 ? { 'nvidia.com/gpu': String(count) } : {};
  return {
    requests: {
      ...(cpus === null ? {} : { cpu: String(cpus) }),
      ...(memory === null ? {} : { memory }),
      ...gpus,
    },
    limits: { ...(memory === null ? {} : { memory }), ...gpus },
  };
}
