import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { getOrMake } from '../../core/maps.js';
import { quote } from '../../core/quote.js';
import { builtFile } from '../../process/package.js';
import { invalid, WireError } from '../../proto/errors.js';
import type { Guarded } from '../../proto/http/auth.js';
import {
  type HttpApp,
  type HttpReply,
  type HttpRequest,
  type HttpServer,
  openHttp,
} from '../../proto/http/server.js';
import { refusePlaintext, type ServerSecurity } from '../../proto/security.js';
import { contentPolicy, livePage } from '../../report/page.js';
import type { ControlApi } from '../api/control.js';
import { type Seer, seesSweep, sweepNamed } from '../api/visible.js';
import { resultOfTrial, storedResults } from '../results.js';
import { readTrialId } from '../scheduler/trial-id.js';
import { Changes } from './changes.js';
import { type Baseline, Drift } from './drift.js';
import { EventStream } from './event-stream.js';
import { standingOf, tellEvents } from './events.js';
import { Reports } from './reports.js';
import { liveNodes, liveSweep, liveSweeps, liveTrials } from './state.js';
import { writeRoutes } from './writes.js';

export interface WebParts extends ControlApi, Pick<Guarded, 'rates' | 'onRefused' | 'proxy'> {
  readonly security: ServerSecurity;
  readonly version: string;
  /** Whether sweeps may be submitted, paused and cancelled through it. */
  readonly writes: boolean;
  /** Results that were saved by name on this machine. */
  readonly baselines: () => readonly Baseline[];
  /** Web views of the other coordinators. */
  readonly otherWebUrls: readonly string[];
}

/** Readers of the event stream at a time; each costs what it is sent. */
const MOST_READERS = 100;
/** How often a stream of events asks whether its reader still may have it. */
const ASK_AGAIN_MILLISECONDS = 1000;
const compress = promisify(gzip);
const expand = promisify(gunzip);

/**
 * The page that people watch a fleet with, and the JSON API behind it (docs/web.md), with the coordinator's
 * own TLS and rights. Port 0 takes a free one.
 * @throws WireError with one sentence: plain text beyond loopback, address in use, …
 */
export async function serveWeb(address: string, parts: WebParts): Promise<HttpServer> {
  const { security } = parts;
  if (security.kind === 'plaintext') refusePlaintext(address);
  const { rates, onRefused, proxy } = parts;
  const watching = { ...(rates && { rates }), ...(onRefused && { onRefused }), ...(proxy && { proxy }) };
  const { app, listen } = openHttp(address, security, watching);
  routes(app, parts);
  return await listen();
}

/** Who may have a route: the page holds nothing but its code, everything else is for who may read. */
const PUBLIC = { config: { access: 'public' } } as const;
const READ = { config: { access: 'read' } } as const;

function routes(app: HttpApp, parts: WebParts): void {
  const { dispatcher, registry, log } = parts;
  const page = readPage();
  const reports = new Reports(log, dispatcher);

  app.get('/', PUBLIC, async (request, reply) => {
    if (page === null) {
      throw new WireError('unavailable', 'The page is missing from this installation: run `npm run build`.');
    }
    reply.header('content-security-policy', page.policy);
    return await send(request, reply, 'text/html; charset=utf-8', page.html);
  });

  if (parts.writes) writeRoutes(app, parts);
  app.get('/api/v1/sweeps', READ, async (request) => ({
    sweeps: liveSweeps(dispatcher, registry, seer(request)),
  }));
  app.get('/api/v1/nodes', READ, async () => ({ nodes: liveNodes(dispatcher, registry) }));
  app.get('/api/v1/leader', READ, async () => standingOf(dispatcher.leadership));
  const driftFor = perRights((who) => new Drift(parts, who));
  app.get('/api/v1/drift', READ, async (request, reply) => {
    const drift = await driftFor(seer(request)).current();
    return await send(request, reply, 'application/json', JSON.stringify(drift));
  });
  app.get('/api/v1/running', READ, async (request) => ({
    running: liveTrials(dispatcher, registry, seer(request)),
  }));
  app.get<Named>('/api/v1/sweeps/:id', READ, async (request) =>
    liveSweep(dispatcher, registry, sweepNamed(dispatcher, request.params.id, seer(request))),
  );
  app.get<Named>('/api/v1/sweeps/:id/report', READ, async (request, reply) => {
    const packed = await reports.reportOf(sweepNamed(dispatcher, request.params.id, seer(request)));
    reply.header('vary', 'accept-encoding').type('application/json');
    if (takesGzip(request)) return reply.header('content-encoding', 'gzip').send(packed);
    return reply.send(await expand(packed));
  });
  app.get<Named & { Querystring: { trials?: string } }>(
    '/api/v1/sweeps/:id/results',
    { config: { access: 'read', filters: ['trials'] } },
    (request, reply) => {
      const { sweepId } = sweepNamed(dispatcher, request.params.id, seer(request)).view;
      const allTrials = matchesFilter('trials', request.query.trials, 'all');
      const query = { sweepId, follow: false, allTrials, detail: 'full' as const };
      const lines = async function* () {
        const gone = new AbortController();
        request.raw.once('close', () => gone.abort());
        for await (const { json } of storedResults(log, dispatcher, query, 0, gone.signal)) yield `${json}\n`;
      };
      return reply.type('application/x-ndjson').send(Readable.from(lines()));
    },
  );
  app.get<Named>('/api/v1/trials/:id', READ, async (request, reply) => {
    const sweepId = readTrialId(request.params.id)?.sweepId ?? '';
    const seen = seesSweep(dispatcher, seer(request), sweepId);
    const result = seen ? await resultOfTrial(log, dispatcher, request.params.id, 'full') : null;
    if (result === null) {
      throw new WireError('not-found', `There is no result of a trial ${quote(request.params.id)} here.`);
    }
    return await send(request, reply, 'application/json', result.json);
  });

  eventsRoute(app, parts);
}

/** Follows what happens; its readers are let go when the server closes. */
function eventsRoute(app: HttpApp, parts: WebParts): void {
  const { dispatcher, registry } = parts;
  const changesFor = perRights((who) => new Changes(dispatcher, registry, who));
  const readers = new Set<EventStream>();
  app.addHook('preClose', async () => {
    for (const reader of readers) reader.close();
  });

  app.get<{ Querystring: { sweep?: string; results?: string; after?: string } }>(
    '/api/v1/events',
    // HEAD has no body, so that a stream would stay open and send nothing.
    { config: { access: 'read', filters: ['sweep', 'results', 'after'] }, exposeHeadRoute: false },
    async (request, reply) => {
      const { sweep, results: which, after } = request.query;
      const who = seer(request);
      if (sweep !== undefined) sweepNamed(dispatcher, sweep, who);
      const query = {
        results: matchesFilter('results', which, 'none') ? null : { sweepId: sweep ?? null },
        after: entryOf(request.headers['last-event-id'] ?? after),
      };
      if (readers.size >= MOST_READERS) {
        throw new WireError(
          'unavailable',
          `${MOST_READERS} readers follow already, which is the limit: try again later.`,
        );
      }
      const headers = reply.getHeaders() as Record<string, string>;
      reply.hijack();
      const stream = new EventStream(reply.raw, headers);
      readers.add(stream);
      const asking = setInterval(() => request.refusal() !== null && stream.close(), ASK_AGAIN_MILLISECONDS);
      // A log that is being closed ends the streams; their readers come back.
      await tellEvents(stream, { ...parts, changes: changesFor(who), who }, query).catch(() => undefined);
      stream.close();
      clearInterval(asking);
      readers.delete(stream);
    },
  );
}

/** @returns what a request may see; on a public route nothing that is anybody's. */
function seer({ who }: HttpRequest): Seer {
  return who ?? { namespaces: [] };
}

/** What is made once for all who have the same rights: as many as the configuration has grants. */
function perRights<T>(make: (who: Seer) => T): (who: Seer) => T {
  const made = new Map<string, T>();
  return ({ namespaces }) => getOrMake(made, JSON.stringify(namespaces), () => make({ namespaces }));
}

interface Named {
  readonly Params: { readonly id: string };
}

function entryOf(text: string | string[] | undefined): number | null {
  if (text === undefined) return null;
  if (typeof text === 'string' && /^\d{1,15}$/.test(text)) return Number(text);
  throw invalid(`${quote(String(text))} is not an event id: those are whole numbers.`);
}

/** @returns whether a filter that knows one word says it; false where it is not given. */
function matchesFilter(filter: string, value: string | undefined, expected: string): boolean {
  if (value === undefined) return false;
  if (value === expected) return true;
  throw invalid(`${filter}=${quote(value)} cannot be read: it is "${expected}" or left out.`);
}

/** Sends a text, compressed for who takes that: reports of large sweeps are megabytes of repeated words. */
async function send(request: HttpRequest, reply: HttpReply, type: string, text: string): Promise<HttpReply> {
  reply.header('vary', 'accept-encoding').type(type);
  if (text.length < 4096 || !takesGzip(request)) return reply.send(text);
  return reply.header('content-encoding', 'gzip').send(await compress(text));
}

function takesGzip(request: HttpRequest): boolean {
  return /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
}

interface WebPage {
  readonly html: string;
  /** Its Content-Security-Policy. */
  readonly policy: string;
}

/** @returns the page that follows this coordinator, or null when it has not been built. */
function readPage(): WebPage | null {
  const path = builtFile('dashboards/web/report.html');
  if (path === null) return null;
  const template = readFileSync(path, 'utf8');
  return { html: livePage(template), policy: `${contentPolicy(template, "'self'")}; frame-ancestors 'none'` };
}
