import https from 'node:https';
import type { Access } from '../../../operator/kubernetes/access.js';
import type { KubeObject } from '../../../operator/kubernetes/objects.js';

// biome-ignore lint/suspicious/noExplicitAny: an object has as many shapes as Kubernetes has kinds.
export type Anything = any;

const MERGE = 'application/merge-patch+json';
const PATHS: Record<string, string> = {
  Sweep: '/apis/ridgepoint.dev/v1alpha1/namespaces/NS/sweeps',
  Event: '/api/v1/namespaces/NS/events',
  Job: '/apis/batch/v1/namespaces/NS/jobs',
  Pod: '/api/v1/namespaces/NS/pods',
  Secret: '/api/v1/namespaces/NS/secrets',
  ConfigMap: '/api/v1/namespaces/NS/configmaps',
  Lease: '/apis/coordination.k8s.io/v1/namespaces/NS/leases',
  Namespace: '/api/v1/namespaces',
  Node: '/api/v1/nodes',
  ServiceAccount: '/api/v1/namespaces/NS/serviceaccounts',
  Role: '/apis/rbac.authorization.k8s.io/v1/namespaces/NS/roles',
  RoleBinding: '/apis/rbac.authorization.k8s.io/v1/namespaces/NS/rolebindings',
  ClusterRole: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
  ClusterRoleBinding: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
  CustomResourceDefinition: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
  PriorityClass: '/apis/scheduling.k8s.io/v1/priorityclasses',
  MutatingWebhookConfiguration: '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations',
  ValidatingWebhookConfiguration: '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
  ResourceFlavor: '/apis/kueue.x-k8s.io/v1beta2/resourceflavors',
  ClusterQueue: '/apis/kueue.x-k8s.io/v1beta2/clusterqueues',
  LocalQueue: '/apis/kueue.x-k8s.io/v1beta2/namespaces/NS/localqueues',
  Workload: '/apis/kueue.x-k8s.io/v1beta2/namespaces/NS/workloads',
};

/**
 * What tests ask an API server: not the operator's own client, so that neither hides what the other does
 * wrong.
 */
export class KubeApi {
  readonly #access: Access;
  readonly #agent: https.Agent;

  constructor(access: Access) {
    this.#access = access;
    this.#agent = new https.Agent({ keepAlive: true, ca: access.ca ?? undefined });
  }

  async text(method: string, path: string, body?: object, type = 'application/json'): Promise<string> {
    const { status, text } = await this.#ask(method, path, body, type);
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text.slice(0, 500)}`);
    return text;
  }

  async ask(method: string, path: string, body?: object, type?: string): Promise<Anything> {
    return JSON.parse(await this.text(method, path, body, type));
  }

  path(kind: string, namespace = 'bench', name = ''): string {
    const path = PATHS[kind];
    if (path === undefined) throw new Error(`nobody has said where ${kind} is`);
    return `${path.replace('NS', namespace)}${name === '' ? '' : `/${name}`}`;
  }

  /** As `kubectl apply --server-side`. */
  async apply(object: KubeObject): Promise<Anything> {
    const { name, namespace } = object.metadata;
    const path = `${this.path(object.kind, namespace, name)}?fieldManager=test&force=true`;
    return await this.ask('PATCH', path, object, 'application/apply-patch+yaml');
  }

  async get(kind: string, name: string, namespace = 'bench'): Promise<Anything> {
    return await this.ask('GET', this.path(kind, namespace, name));
  }

  async list(kind: string, namespace = 'bench'): Promise<Anything[]> {
    return (await this.ask('GET', this.path(kind, namespace))).items;
  }

  async merge(kind: string, name: string, patch: object, part = '', namespace = 'bench'): Promise<Anything> {
    return await this.ask('PATCH', `${this.path(kind, namespace, name)}${part}`, patch, MERGE);
  }

  async delete(kind: string, name: string, namespace = 'bench', body: object = {}): Promise<void> {
    await this.text('DELETE', this.path(kind, namespace, name), body);
  }

  /** @returns null where it is not there. */
  async find(kind: string, name: string, namespace = 'bench'): Promise<Anything | null> {
    const { status, text } = await this.#ask('GET', this.path(kind, namespace, name));
    if (status === 404) return null;
    if (status >= 300) throw new Error(`${kind} ${name}: ${status} ${text.slice(0, 500)}`);
    return JSON.parse(text);
  }

  #ask(method: string, path: string, body?: object, type = 'application/json') {
    return new Promise<{ status: number; text: string }>((resolve, reject) => {
      const token = this.#access.token();
      const content = body && JSON.stringify(body);
      // Node.js says no length by itself where the method is DELETE.
      const length = content && { 'content-type': type, 'content-length': Buffer.byteLength(content) };
      const request = https.request(new URL(path, this.#access.server), {
        method,
        agent: this.#agent,
        timeout: 20_000,
        headers: { ...length, authorization: `Bearer ${token}` },
      });
      request.on('timeout', () => request.destroy(new Error('no answer in 20 s')));
      request.on('error', reject);
      request.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.on('error', reject);
      });
      request.end(content);
    });
  }
}
