import { stringify } from 'yaml';
import { type Deployment, imageOf, kubernetesWord } from './deployed.js';

/** What the chart says itself, by the word before its value. */
const ITS_OWN = new Set(['--host', '--port', '--served-model-name']);

/**
 * @returns values of the chart of vLLM's production-stack (`servingEngineSpec.modelSpec`); what the profile
 *   says is in `extraArgs`, so that it is spelled as it was measured.
 * @param asked an image in place of the published one.
 */
export function helmValues(deployment: Deployment, asked: string | undefined): string {
  const { name, replicas, cpus, gpus } = deployment;
  const image = asked ?? imageOf(deployment);
  const [, repository = image, tag = 'latest'] = /^(.+?)(?::([^:/]+))?$/.exec(image) ?? [];
  // `serve MODEL`, and then options.
  const [, model = '', ...rest] = deployment.arguments.map(kubernetesWord);
  const extraArgs = rest.filter((word, i) => !ITS_OWN.has(word) && !ITS_OWN.has(rest[i - 1] ?? ''));
  const values = {
    servingEngineSpec: {
      modelSpec: [
        {
          name,
          repository,
          tag,
          modelURL: model,
          replicaCount: replicas,
          requestCPU: cpus ?? 1,
          requestGPU: gpus,
          vllmConfig: { extraArgs },
        },
      ],
    },
  };
  return `# helm install NAME vllm/vllm-stack -f this-file: https://github.com/vllm-project/production-stack\n${stringify(values, { lineWidth: 0 })}`;
}
