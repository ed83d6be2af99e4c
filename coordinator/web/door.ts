import type { TLSSocket } from 'node:tls';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { toFailure } from '../../core/errors.js';
import { admit } from '../../proto/caller.js';
import { type WireCode, WireError } from '../../proto/errors.js';
import { isLoopback, splitAddress } from '../../proto/loopback.js';
import type { ServerSecurity } from '../../proto/security.js';

const STATUS: Partial<Record<WireCode, number>> = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  unavailable: 503,
};

/**
 * Lets in who has the scope `read`, by the rules of gRPC. Answers under /api to everybody else are refusals; the page
 * itself holds nothing but its code, and asks for the token.
 */
export function guard(app: FastifyInstance, security: ServerSecurity): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
      'x-frame-options': 'DENY',
      'cache-control': 'no-store',
    });
    if (security.kind === 'plaintext') refuseOtherNames(request);
    if (!request.url.startsWith('/api/')) return;
    const caller = shown(request);
    if (security.kind === 'token' && caller.authorization === '') {
      throw new WireError('unauthenticated', 'This coordinator wants a token with the scope "read".');
    }
    admit(caller, security, 'read');
  });
  app.setErrorHandler((error, _request, reply) => {
    // fastify's own errors (a malformed request) carry their status.
    const own = (error as { statusCode?: number }).statusCode;
    const code = error instanceof WireError ? error.code : own === undefined ? 'internal' : 'invalid';
    const status = (error instanceof WireError ? STATUS[error.code] : own) ?? 500;
    if (status === 401) void reply.header('www-authenticate', 'Bearer realm="ridgepoint"');
    return reply.code(status).send({ error: { code, message: toFailure(error).message } });
  });
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({ error: { code: 'not-found', message: `There is nothing at ${request.url}.` } }),
  );
}

function shown(request: FastifyRequest): Parameters<typeof admit>[0] {
  const socket = request.raw.socket as Partial<TLSSocket>;
  const name = socket.getPeerCertificate?.()?.subject?.CN;
  return {
    commonName: Array.isArray(name) ? name[0] : name,
    authorization: request.headers.authorization ?? '',
  };
}

/**
 * Without TLS whoever is on this machine may read, and a browser is: a web site could give its own name the address
 * 127.0.0.1 and read along (DNS rebinding). Such a request names the site as its host.
 */
function refuseOtherNames(request: FastifyRequest): void {
  const host = request.headers.host ?? '';
  const address = splitAddress(host) === null ? `${host}:80` : host;
  if (isLoopback(address)) return;
  throw new WireError('forbidden', 'Plain HTTP is answered under the names of this machine only: localhost.');
}
