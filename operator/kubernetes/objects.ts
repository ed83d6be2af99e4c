/** The parts of Kubernetes' objects that are read here; everything else of them is passed on as it is. */

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/**
 * The API's word for the lack of a value is a missing field, and so it is here: what is written has no null.
 */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
  /** RFC 3339. */
  readonly lastTransitionTime: string;
}

export interface Job extends KubeObject {
  readonly spec: {
    readonly suspend?: boolean;
    readonly template: Readonly<Record<string, unknown>>;
    readonly [field: string]: unknown;
  };
  readonly status?: {
    readonly active?: number;
    readonly ready?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message?: string;
    }[];
  };
}

/** `core/v1`, as the API has it. */
export interface KubeEvent extends KubeObject {
  readonly involvedObject: Readonly<
    Record<'apiVersion' | 'kind' | 'name' | 'namespace' | 'uid' | 'resourceVersion', string>
  >;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly source: { readonly component: string };
  /** RFC 3339. */
  readonly firstTimestamp: string;
  readonly lastTimestamp: string;
  readonly count: number;
}

export interface Lease extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/** A kind, and where the API has it. */
export interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  /** In paths: `jobs`. */
  readonly plural: string;
}

export const EVENTS: Resource = { apiVersion: 'v1', kind: 'Event', plural: 'events' };
export const JOBS: Resource = { apiVersion: 'batch/v1', kind: 'Job', plural: 'jobs' };
export const LEASES: Resource = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', plural: 'leases' };
export const SECRETS: Resource = { apiVersion: 'v1', kind: 'Secret', plural: 'secrets' };

/** @returns the path of a kind's objects, of one namespace or (null) of all, or of one object. */
export function pathOf(resource: Resource, namespace: string | null, name?: string): string {
  const group = resource.apiVersion.includes('/')
    ? `/apis/${resource.apiVersion}`
    : `/api/${resource.apiVersion}`;
  const inside = namespace === null ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  const one = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  return `${group}${inside}/${resource.plural}${one}`;
}
