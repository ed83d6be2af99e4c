import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { fileProblem } from '../../core/input/file-problem.js';
import { invalid, WireError } from '../../proto/errors.js';

/** Where the API server is, and as whom it is asked. */
export interface Access {
  readonly server: URL;
  readonly ca: Buffer | null;
  readonly certificate: Buffer | null;
  readonly key: Buffer | null;
  /** Read for each request: the token of a pod is renewed under it. null = a certificate says who asks. */
  token(): string | null;
  /** Where whoever asks is at home: the namespace of the pod, or of the context. */
  readonly namespace: string;
}

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * As kubectl does it: the file given, `KUBECONFIG`, the account of the pod, `~/.kube/config`.
 * @throws WireError `invalid` where there is none, or one that cannot be used.
 */
export function findAccess(file: string | undefined, env: NodeJS.ProcessEnv = process.env): Access {
  if (file !== undefined) return readKubeconfig(file);
  if (env.KUBECONFIG !== undefined && env.KUBECONFIG !== '') return readKubeconfig(env.KUBECONFIG);
  if (env.KUBERNETES_SERVICE_HOST !== undefined) return accessOfPod(env, ACCOUNT);
  const usual = join(homedir(), '.kube/config');
  if (existsSync(usual)) return readKubeconfig(usual);
  throw new WireError(
    'invalid',
    'there is no Kubernetes API server to ask: this is no pod, and there is no kubeconfig',
    ['Name one with --kubeconfig, or install the chart with operator.enabled.'],
  );
}

/** @param account the folder that Kubernetes mounts for the pod's account. @throws WireError `invalid` */
export function accessOfPod(env: NodeJS.ProcessEnv, account: string): Access {
  const host = env.KUBERNETES_SERVICE_HOST ?? '';
  const port = env.KUBERNETES_SERVICE_PORT ?? '443';
  const tokenFile = join(account, 'token');
  readText(tokenFile);
  return {
    server: new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`),
    ca: readFile(join(account, 'ca.crt')),
    certificate: null,
    key: null,
    token: () => readText(tokenFile).trim(),
    namespace: readText(join(account, 'namespace')).trim(),
  };
}

const kubeconfigSchema = z.object({
  'current-context': z.string().min(1),
  contexts: z.array(
    z.object({
      name: z.string(),
      context: z.object({ cluster: z.string(), user: z.string(), namespace: z.string().optional() }),
    }),
  ),
  clusters: z.array(
    z.object({
      name: z.string(),
      cluster: z.object({
        server: z.url(),
        'certificate-authority': z.string().optional(),
        'certificate-authority-data': z.base64().optional(),
        'insecure-skip-tls-verify': z.literal(false).optional(),
      }),
    }),
  ),
  users: z.array(
    z.object({
      name: z.string(),
      user: z.object({
        token: z.string().optional(),
        tokenFile: z.string().optional(),
        'client-certificate': z.string().optional(),
        'client-certificate-data': z.base64().optional(),
        'client-key': z.string().optional(),
        'client-key-data': z.base64().optional(),
      }),
    }),
  ),
});

/**
 * The current context of a kubeconfig that says who asks by a certificate or a token; programs that fetch a
 * token are not started.
 * @throws WireError `invalid`
 */
export function readKubeconfig(path: string): Access {
  const checked = kubeconfigSchema.safeParse(parsed(path));
  if (!checked.success) {
    const { path: field, message } = checked.error.issues[0]!;
    throw wrong(path, `${field.join('.') || 'the file'}: ${message}`);
  }
  const config = checked.data;
  const name = config['current-context'];
  const context = config.contexts.find((one) => one.name === name)?.context;
  const cluster = config.clusters.find((one) => one.name === context?.cluster)?.cluster;
  const user = config.users.find((one) => one.name === context?.user)?.user;
  if (context === undefined || cluster === undefined || user === undefined)
    throw wrong(path, `the context ${name}, its cluster or its user is not in it`);
  const pathBeside = (file: string) => resolve(dirname(path), file);
  const bytes = (data: string | undefined, file: string | undefined): Buffer | null =>
    data !== undefined ? Buffer.from(data, 'base64') : file === undefined ? null : readFile(pathBeside(file));
  const certificate = bytes(user['client-certificate-data'], user['client-certificate']);
  const key = bytes(user['client-key-data'], user['client-key']);
  const { token, tokenFile } = user;
  if (token === undefined && tokenFile === undefined && (certificate === null || key === null))
    throw wrong(path, `the user ${context.user} has neither a token nor a certificate with its key`);
  return {
    server: new URL(cluster.server),
    ca: bytes(cluster['certificate-authority-data'], cluster['certificate-authority']),
    certificate,
    key,
    token: () => token ?? (tokenFile === undefined ? null : readText(pathBeside(tokenFile)).trim()),
    namespace: context.namespace ?? 'default',
  };
}

function parsed(path: string): unknown {
  try {
    return parse(readText(path), { maxAliasCount: 100 });
  } catch (error) {
    if (error instanceof WireError) throw error;
    throw wrong(path, `it is not YAML: ${(error as Error).message}`);
  }
}

const wrong = (path: string, what: string) => invalid(`the kubeconfig ${path} cannot be used: ${what}`);

const readText = (path: string): string => readFile(path).toString('utf8');

function readFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw invalid(`cannot read ${path}: ${fileProblem(error)}`);
  }
}
