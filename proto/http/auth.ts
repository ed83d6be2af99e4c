import type { TLSSocket } from 'node:tls';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { toFailure } from '../../core/errors.js';
import { isLoopbackHost } from '../../core/loopback.js';
import { quote } from '../../core/quote.js';
import { admit, type Caller, certificateShown, nameOf, type Shown } from '../caller.js';
import { invalid, type WireCode, WireError } from '../errors.js';
import { splitAddress } from '../loopback.js';
import { tooOften, type Watching } from '../rate-limit.js';
import { isRefusal } from '../refusals.js';
import type { Scope, ServerSecurity } from '../security.js';
import type { HttpLimits } from './limits.js';
import type { ProxyIdentity } from './trusted-proxy.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * The scope that opens this route, or `public`: whoever reaches the address. A route without one is
     * refused.
     */
    access?: Scope | 'public';
    /** Names of the query parameters that this route reads; any other is an error of the caller. */
    filters?: readonly string[];
    /**
     * Largest body that this route reads; left out = it reads none. Whatever has one changes something, so it
     * has to be JSON that a page of this very server, or no page at all, has sent.
     */
    bodyBytes?: number;
  }
  interface FastifyRequest {
    /** Whoever was admitted; null on a public route. */
    who: Caller | null;
    /** Its name; empty on a public route. */
    caller: string;
    /** @returns why it may have this no more, of a stream that goes on; null while it may. */
    refusal(): string | null;
  }
}

const STATUS: Partial<Record<WireCode, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  'too-large': 413,
  'too-often': 429,
  refused: 409,
  conflict: 409,
  unavailable: 503,
};

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'x-frame-options': 'DENY',
  'cache-control': 'no-store',
};

/** A request that is refused for its form, with the status that HTTP has for it. */
class BadForm extends WireError {
  readonly status: number;
  constructor(status: number, sentence: string) {
    super('invalid', sentence);
    this.status = status;
  }
}

export interface Guarded extends Watching {
  /** A proxy that says who somebody is; left out = nobody is believed. */
  readonly proxy?: ProxyIdentity;
  readonly security: ServerSecurity;
  /** Requests that name another host than this machine are refused. */
  readonly ownNamesOnly: boolean;
  readonly limits: HttpLimits;
}

/**
 * Decides about every request, after it was routed: by what the matched route says of itself, never by how
 * the request was spelled. A route that names no scope cannot be registered. Everything that matches no route
 * gets one answer, the same for everybody.
 */
export function guard(app: FastifyInstance, guarded: Guarded): void {
  const { ownNamesOnly, limits, proxy } = guarded;
  app.addHook('onRoute', ({ url, config }) => {
    if (config?.access !== undefined) return;
    throw new Error(`The route ${url} names no scope that opens it: a route is closed unless it does.`);
  });
  app.decorateRequest('who', null);
  app.decorateRequest('caller', '');
  app.decorateRequest('refusal', () => null);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS);
    checkForm(request, reply, limits);
    // A proxy has a name of its own.
    const brought = proxy?.brought(request) ?? false;
    if (ownNamesOnly && !brought) refuseOtherNames(request);
    if (request.is404) return notFound(reply);
    const { access, filters, bodyBytes } = request.routeOptions.config;
    if (bodyBytes !== undefined) refuseOtherOrigins(request, brought);
    if (access === 'public') return;
    if (access === undefined) throw new WireError('forbidden', 'Nothing opens this route.');
    const enter = () =>
      brought && proxy !== undefined ? proxy.admit(request, access) : enterAs(request, guarded, access);
    request.who = enter();
    request.refusal = () => refusalOf(enter);
    request.caller = request.who.name;
    checkRate(request.caller, guarded, reply);
    checkFilters(request, filters ?? []);
  });
  app.setErrorHandler((error, request, reply) => {
    tellRefusal(error, request, guarded);
    const { status, code, message } = answerFor(error);
    const details = error instanceof WireError && error.details.length > 0 ? { details: error.details } : {};
    if (status === 401) void reply.header('www-authenticate', 'Bearer realm="ridgepoint"');
    return reply.code(status).send({ error: { code, message, ...details } });
  });
  app.setNotFoundHandler((_request, reply) => notFound(reply));
}

/** The answer to whatever is no route of ours, also to what cannot be read as a path at all. */
export function notFound(reply: FastifyReply): FastifyReply {
  const error = { code: 'not-found', message: 'There is nothing here.' };
  return reply.headers(HEADERS).code(404).send({ error });
}

function answerFor(error: unknown): { status: number; code: string; message: string } {
  const { message } = toFailure(error);
  if (error instanceof BadForm) return { status: error.status, code: error.code, message };
  if (error instanceof WireError) return { status: STATUS[error.code] ?? 500, code: error.code, message };
  // fastify's own errors (a malformed request) carry their status.
  const own = (error as { statusCode?: number }).statusCode;
  return { status: own ?? 500, code: own === undefined ? 'internal' : 'invalid', message };
}

function checkForm(
  { raw, is404, routeOptions }: FastifyRequest,
  reply: FastifyReply,
  limits: HttpLimits,
): void {
  if ((raw.url ?? '').length > limits.urlCharacters) {
    throw new BadForm(414, `The address is longer than ${limits.urlCharacters} characters.`);
  }
  if (raw.rawHeaders.length / 2 > limits.headers) {
    throw new BadForm(431, `The request has more than ${limits.headers} headers.`);
  }
  const { 'content-length': length, 'transfer-encoding': coding } = raw.headers;
  if (coding === undefined && (length === undefined || length === '0')) return;
  // What is not read would be taken for the next request.
  void reply.header('connection', 'close');
  const most = is404 ? undefined : routeOptions.config.bodyBytes;
  if (most === undefined) throw new BadForm(400, 'A request has no body here.');
  if (coding !== undefined) throw new BadForm(411, 'A body says its length here: Content-Length.');
  if (Number(length) > most) throw new BadForm(413, `The body is larger than ${most} bytes.`);
}

/**
 * A web site can make a browser send requests to a coordinator, with the client certificate of whoever visits
 * it. So what changes something is refused when the browser says that another site asked (Fetch Metadata,
 * Origin); and it has to be JSON, which a site may not send elsewhere without asking first (CORS), and
 * nothing here answers that question.
 */
function refuseOtherOrigins({ headers }: FastifyRequest, brought: boolean): void {
  if (!/^application\/json\s*(;|$)/i.test(headers['content-type'] ?? '')) {
    throw new BadForm(415, 'The body is JSON here: Content-Type: application/json.');
  }
  const site = headers['sec-fetch-site'];
  const own = site === undefined || site === 'same-origin';
  // A proxy may ask under another name than it was asked.
  const forwarded = brought ? headers['x-forwarded-host'] : undefined;
  const host = (typeof forwarded === 'string' ? forwarded : headers.host)?.toLowerCase();
  if (own && (headers.origin === undefined || hostOf(headers.origin) === host)) return;
  throw new WireError(
    'forbidden',
    'Only the page of this coordinator may change something, and no other site.',
  );
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}

/** By its own certificate or token. */
function enterAs(request: FastifyRequest, { security }: Guarded, access: Scope): Caller {
  const caller = shown(request);
  if (security.kind === 'token' && caller.authorization === '') {
    throw new WireError('unauthenticated', `This coordinator wants a token with the scope "${access}".`);
  }
  return admit(caller, security, access);
}

/** On loopback without a proxy all callers are one. */
function checkRate(name: string, { rates, security, proxy }: Guarded, reply: FastifyReply): void {
  if (security.kind === 'plaintext' && proxy === undefined) return;
  const seconds = rates?.take(name) ?? null;
  if (seconds === null) return;
  void reply.header('retry-after', String(Math.ceil(seconds)));
  throw tooOften(name, seconds);
}

function tellRefusal(error: unknown, request: FastifyRequest, { onRefused, security }: Guarded): void {
  if (!isRefusal(error)) return;
  const who = request.caller || nameOf(shown(request), security);
  const where = `${request.method} ${request.routeOptions.url ?? ''}`;
  const from = request.raw.socket.remoteAddress ?? '';
  onRefused?.({ who, from, code: error.code, message: error.message, where });
}

function refusalOf(enter: () => Caller): string | null {
  try {
    enter();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

function checkFilters({ query }: FastifyRequest, filters: readonly string[]): void {
  for (const [name, value] of Object.entries(query as Record<string, unknown>)) {
    if (!filters.includes(name)) {
      const those = filters.length === 0 ? 'none' : filters.join(', ');
      throw invalid(`There is no filter ${quote(name)} here; there is ${those}.`);
    }
    if (typeof value !== 'string') {
      throw invalid(`The filter "${name}" is given more than once.`);
    }
  }
}

function shown(request: FastifyRequest): Shown {
  const socket = request.raw.socket as Partial<TLSSocket>;
  const authorization = request.headers.authorization ?? '';
  return { ...certificateShown(socket.getPeerCertificate?.()), authorization };
}

/**
 * Without TLS whoever is on this machine may read, and a browser is: a web site could give its own name the
 * address 127.0.0.1 and read along (DNS rebinding). Such a request names the site as its host.
 */
function refuseOtherNames({ raw }: FastifyRequest): void {
  // A target may be a whole address (absolute form); its host counts then, too.
  const inTarget = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(raw.url ?? '')?.[1];
  for (const host of [raw.headers.host ?? '', inTarget ?? 'localhost']) {
    const name = host.toLowerCase();
    const split = splitAddress(name) ?? splitAddress(`${name}:80`);
    if (split !== null && isLoopbackHost(split.host)) continue;
    throw new WireError(
      'forbidden',
      'Plain HTTP is answered under the names of this machine only: localhost.',
    );
  }
}
