import { z } from 'zod';
import { integerBetween, numberBetween } from '../../../core/bounds.js';
import { failed } from '../../../core/errors.js';
import { isLoopbackHost } from '../../../core/loopback.js';
import { hidesSeparator, type RemoteSource } from '../../../core/models/remote.js';

/** Where the content of a repository on huggingface.co really lies: it answers with a redirect to there. */
const HUB_STORES = ['*.huggingface.co', '*.hf.co'];

/** `sources` of an agent's config: what this node may fetch. By default nothing. */
export const sourcesSchema = z.strictObject({
  https: z
    .array(z.string().superRefine(checkPrefix))
    .default([])
    .describe(
      'Beginnings of addresses: `https://models.example.com/llm/`. Redirects have to lead to one of them, too.',
    ),
  hf: z
    .union([z.boolean(), z.array(z.string().min(1))])
    .default(false)
    .describe(
      'true = every repository; or a list of owners and repositories: `[google, TheBloke/Mistral-7B-GGUF]`.',
    ),
  hfEndpoint: z
    .string()
    .superRefine(checkPrefix)
    .default('https://huggingface.co/')
    .describe('A mirror that speaks like the hub.'),
  hfTokenFile: z
    .string()
    .optional()
    .describe(
      'File with a token for repositories that ask for one; it goes to the endpoint and to nobody else.',
    ),
  hfRedirects: z
    .array(z.string().min(1))
    .default(HUB_STORES)
    .describe('Hosts that the endpoint may redirect a download to; `*.` stands for any subdomain.'),
  ca: z.string().optional().describe('PEM with authorities to trust beside those of Node.js.'),
  maxBytes: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .describe('A larger file is refused; null = artifactBytes is the limit.'),
  stallSeconds: z
    .number()
    .positive()
    .max(3600)
    .default(60)
    .describe('A connection that brings less than 1 kB/s for so long is given up, and tried again.'),
  attempts: integerBetween(1, 100).default(5).describe('Attempts in a row that bring nothing.'),
  backoffSeconds: numberBetween(0, 600)
    .default(1)
    .describe('Pause after the first attempt that brought nothing; each later one is twice as long.'),
});

/** What a node may fetch and how, its files read. Plain data: it goes to the child that fetches. */
export type SourcePolicy = Omit<z.output<typeof sourcesSchema>, 'hfTokenFile' | 'ca' | 'maxBytes'> & {
  readonly token: string | null;
  readonly ca: string | null;
  /** Bytes of one file, at most. */
  readonly maxBytes: number;
};

/**
 * @param artifactBytes the bound of the whole cache.
 * @param read gives the text of a file that the config names.
 */
export function readPolicy(
  { hfTokenFile, ca, maxBytes, ...rest }: z.output<typeof sourcesSchema>,
  artifactBytes: number,
  read: (name: string, path: string) => string,
): SourcePolicy {
  return {
    ...rest,
    token: hfTokenFile === undefined ? null : read('sources.hfTokenFile', hfTokenFile).trim(),
    ca: ca === undefined ? null : read('sources.ca', ca),
    maxBytes: Math.min(maxBytes ?? artifactBytes, artifactBytes),
  };
}

export function isAllowed(remote: RemoteSource, policy: SourcePolicy): boolean {
  return remote.kind === 'hub' ? mayAsk(remote, policy) : startsAllowed(remote.url, policy);
}

/** @throws FailureError `source-not-allowed` with what the config would have to say. */
export function requireAllowed(
  source: string,
  remote: RemoteSource,
  policy: SourcePolicy | null,
): asserts policy is SourcePolicy {
  if (policy !== null && isAllowed(remote, policy)) return;
  const [wanted, flag] =
    remote.kind === 'hub'
      ? ['hf: true', ', or, for a command on this machine, with --allow-hf']
      : [`https: ["${new URL('.', remote.url).href.replace(/\?.*$/, '')}"]`, ''];
  const hint = `Put the file into a model folder and name it by its path, or allow it in the agent’s config: sources: { ${wanted} }${flag}.`;
  throw failed('source-not-allowed', `this node may not fetch ${source}`, hint);
}

/** @returns whether a request for this source may go to an address that a server named. */
export function mayFollow(kind: RemoteSource['kind'], url: URL, policy: SourcePolicy): boolean {
  if (url.username !== '' || url.password !== '') return false;
  if (kind === 'web') return startsAllowed(url.href, policy);
  if (atEndpoint(url, policy)) return true;
  if (url.protocol !== 'https:' && !isLoopbackHost(url.hostname)) return false;
  return policy.hfRedirects.some((pattern) => matchesHost(url.hostname, pattern));
}

/** The token goes to no other host, whatever it redirects to. */
export function atEndpoint(url: URL, { hfEndpoint }: SourcePolicy): boolean {
  return url.origin === new URL(hfEndpoint).origin;
}

function mayAsk({ owner, repository }: { owner: string; repository: string }, { hf }: SourcePolicy): boolean {
  if (typeof hf === 'boolean') return hf;
  const names = [owner, `${owner}/${repository}`].map((name) => name.toLowerCase());
  return hf.some((allowed) => names.includes(allowed.toLowerCase()));
}

/** Both are in normal form: `..` is resolved, the host is in lower case, a default port is left out. */
function startsAllowed(address: string, { https }: SourcePolicy): boolean {
  const url = new URL(address);
  // Of a redirect, too: what a server names is compared by the same rule as what a sweep names.
  if (hidesSeparator(url)) return false;
  return https.some((prefix) => {
    const { origin, pathname } = new URL(prefix);
    return url.origin === origin && url.pathname.startsWith(pathname);
  });
}

function matchesHost(host: string, pattern: string): boolean {
  const wanted = pattern.toLowerCase();
  return wanted.startsWith('*.') ? host.endsWith(wanted.slice(1)) : host === wanted;
}

/** @returns why something cannot be the beginning of allowed addresses, or null. */
function prefixProblem(prefix: string): string | null {
  if (!URL.canParse(prefix)) return 'is not an address such as https://models.example.com/';
  const url = new URL(prefix);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopbackHost(url.hostname)))
    return 'has to begin with https://; plain http is for this machine alone';
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    return 'has to be a host and the beginning of a path, nothing else';
  // Without the slash /models would allow /models-of-somebody-else as well.
  return url.pathname.endsWith('/') ? null : 'has to end with a slash';
}

function checkPrefix(prefix: string, context: z.RefinementCtx): void {
  const problem = prefixProblem(prefix);
  if (problem !== null) context.addIssue({ code: 'custom', message: `${prefix} ${problem}` });
}
