import { type Failure, failed } from '../../../core/errors.js';
import { Interrupted } from './interrupted.js';
import type { Answer } from './request.js';

/** A server that is busy says when to come back; more than this is not waited for. */
const LONGEST_WAIT_SECONDS = 120;

/**
 * @param where the host, for sentences. @param source what the sweep calls the file.
 * @throws Interrupted for what may pass; FailureError `model-missing`, `source-not-allowed` for the rest.
 */
export function refuseStatus({ status, headers }: Answer, where: string, source: string): never {
  if (status === 408 || status === 425 || status === 429 || status >= 500)
    throw new Interrupted(`${where} answers ${status}`, waitSeconds(headers['retry-after']));
  const fail = (code: Failure['code'], message: string, hint: string): never => {
    throw failed(code, message, hint);
  };
  if (status === 404 || status === 410)
    return fail(
      'model-missing',
      `${where} has no ${source} (${status})`,
      'Look at the name and the revision.',
    );
  const hint =
    'Accept the model’s terms on the hub, and name a token as sources.hfTokenFile in the agent’s config.';
  if (status === 401 || status === 403)
    return fail('source-not-allowed', `${where} does not give ${source} to this node (${status})`, hint);
  return fail('model-missing', `${where} answers ${status} for ${source}`, 'Open the address in a browser.');
}

function waitSeconds(header: string | undefined): number | null {
  if (header === undefined) return null;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? Math.min(Math.max(0, seconds), LONGEST_WAIT_SECONDS) : null;
}
