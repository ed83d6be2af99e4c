import type { Manifest } from '../helm.js';

type Labels = Readonly<Record<string, string>>;

/** A pod, or an address outside the cluster (no labels), as NetworkPolicies see it. */
export interface Endpoint {
  readonly namespace: string | null;
  readonly labels: Labels;
  /** IPv4 address. */
  readonly address: string;
  /** Numbers of named ports. */
  readonly ports: Readonly<Record<string, number>>;
}

/** A LabelSelector; an empty one selects everything. */
function selects(selector: Manifest['spec'], labels: Labels): boolean {
  const equal = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return equal && (selector.matchExpressions ?? []).every((one: Manifest['spec']) => meets(one, labels));
}

function meets({ key, operator, values = [] }: Manifest['spec'], labels: Labels): boolean {
  const value = labels[key];
  if (operator === 'Exists') return value !== undefined;
  if (operator === 'DoesNotExist') return value === undefined;
  if (operator === 'In') return value !== undefined && values.includes(value);
  if (operator === 'NotIn') return value === undefined || !values.includes(value);
  throw new Error(`${operator} is no operator of a label selector`);
}

const toNumber = (address: string) =>
  address.split('.').reduce((sum, part) => sum * 256 + Number.parseInt(part, 10), 0);

function within(cidr: string, address: string): boolean {
  const [base = '', bits = '32'] = cidr.split('/');
  const size = 2 ** (32 - Number.parseInt(bits, 10));
  return Math.floor(toNumber(base) / size) === Math.floor(toNumber(address) / size);
}

/** @param home the namespace of the policy, which a peer without a namespace selector means. */
function isPeer(peer: Manifest['spec'], home: string, other: Endpoint): boolean {
  if (peer.ipBlock !== undefined)
    return (
      within(peer.ipBlock.cidr, other.address) &&
      !(peer.ipBlock.except ?? []).some((cidr: string) => within(cidr, other.address))
    );
  if (other.namespace === null) return false;
  // The API server puts this label on every namespace.
  const namespaceLabels = { 'kubernetes.io/metadata.name': other.namespace };
  const there =
    peer.namespaceSelector === undefined
      ? other.namespace === home
      : selects(peer.namespaceSelector, namespaceLabels);
  return there && selects(peer.podSelector ?? {}, other.labels);
}

/** A rule without peers or ports, or with an empty list of them, means all. */
function isIn<T>(list: readonly T[] | undefined, holds: (one: T) => boolean): boolean {
  return list === undefined || list.length === 0 || list.some(holds);
}

function permits(
  policies: readonly Manifest[],
  direction: 'Ingress' | 'Egress',
  [here, there, server]: readonly [Endpoint, Endpoint, Endpoint],
  port: number,
  protocol: 'TCP' | 'UDP',
): boolean {
  const mine = policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === here.namespace &&
      selects(spec.podSelector, here.labels) &&
      (spec.policyTypes ?? ['Ingress']).includes(direction),
  );
  const [rules, peers] = direction === 'Ingress' ? ['ingress', 'from'] : ['egress', 'to'];
  return (
    here.namespace === null ||
    mine.length === 0 ||
    mine.some(({ metadata, spec }) =>
      (spec[rules as string] ?? []).some(
        (rule: Manifest['spec']) =>
          isIn(rule[peers as string], (peer) => isPeer(peer, metadata.namespace as string, there)) &&
          isIn(rule.ports, (one: Manifest['spec']) => {
            const first = typeof one.port === 'string' ? server.ports[one.port] : one.port;
            const inside = port >= first && port <= (one.endPort ?? first);
            return (one.protocol ?? 'TCP') === protocol && (one.port === undefined || inside);
          }),
      ),
    )
  );
}

/**
 * May a client connect to a port of a server, as a cluster that enforces NetworkPolicies decides? Both sides
 * have to permit it; a pod that no policy of a direction selects may do all in it.
 * https://kubernetes.io/docs/concepts/services-networking/network-policies/
 * @param policies with the namespace of each in its metadata.
 */
export function mayReach(
  policies: readonly Manifest[],
  client: Endpoint,
  server: Endpoint,
  port: number,
  protocol: 'TCP' | 'UDP' = 'TCP',
): boolean {
  return (
    permits(policies, 'Egress', [client, server, server], port, protocol) &&
    permits(policies, 'Ingress', [server, client, server], port, protocol)
  );
}
