import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { installed } from './services.js';

export const CHART = join(import.meta.dirname, '../../helm/ridgepoint');
export const hasHelm = installed('helm');
/** Names of the values files in the chart's ci folder. */
export const CI_FILES = readdirSync(join(CHART, 'ci')).sort();

export interface Manifest {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels: Record<string, string>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: a rendered object has as many shapes as Kubernetes has kinds.
  readonly [field: string]: any;
}

interface HelmAnswer {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A helm that was built from its module believes in a very old cluster unless told otherwise. */
const CLUSTER = ['--kube-version', '1.34'];

/** @param values an object, or the name of a file in the chart's ci folder. */
export function helm(command: 'template' | 'lint', values: object | string = {}): HelmAnswer {
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-helm-'));
  try {
    const file = typeof values === 'string' ? join(CHART, 'ci', values) : join(folder, 'values.json');
    if (typeof values !== 'string') writeFileSync(file, JSON.stringify(values));
    const words = command === 'lint' ? ['lint', '--strict', CHART] : ['template', 'rp', CHART, '-n', 'bench'];
    const { status, stdout, stderr } = spawnSync('helm', [...words, ...CLUSTER, '--values', file], {
      encoding: 'utf8',
    });
    return { code: status, stdout, stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const rendered = new Map<string, readonly Manifest[]>();

/** @returns the objects that a file of ci/ gives, rendered once for all who only read them. */
export function renderOnce(file = 'default-values.yaml'): readonly Manifest[] {
  const manifests = rendered.get(file) ?? render(file);
  rendered.set(file, manifests);
  return manifests;
}

/** @returns the objects of a release. @throws when helm refuses the values. */
export function render(values: object | string = {}): readonly Manifest[] {
  const { code, stdout, stderr } = helm('template', values);
  if (code !== 0) throw new Error(stderr);
  return parseAllDocuments(stdout)
    .map((document) => document.toJS({ maxAliasCount: 0 }) as Manifest | null)
    .filter((manifest) => manifest !== null);
}

/** @returns the one object of a kind whose name ends so. */
export function only(manifests: readonly Manifest[], kind: string, ending = ''): Manifest {
  const found = manifests.filter((one) => one.kind === kind && one.metadata.name.endsWith(ending));
  if (found.length !== 1) throw new Error(`${found.length} of ${kind} …${ending}`);
  return found[0] as Manifest;
}

/** The kinds that make pods. */
const MAKERS = ['Pod', 'StatefulSet', 'DaemonSet', 'Deployment'];

export interface PodOf {
  readonly owner: string;
  readonly labels: Record<string, string>;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  readonly spec: any;
}

/** @returns every pod that a release makes, the one of `helm test` too. */
export function podsOf(manifests: readonly Manifest[]): readonly PodOf[] {
  return manifests
    .filter(({ kind }) => MAKERS.includes(kind))
    .map((one) => {
      const pod = one.kind === 'Pod' ? one : one.spec.template;
      return { owner: one.metadata.name, labels: pod.metadata.labels, spec: pod.spec };
    });
}
