import { z } from 'zod';
import { invalid, WireError } from '../../proto/errors.js';
import type { HttpApp, HttpRequest } from '../../proto/http/server.js';
import {
  type Asker,
  type ControlApi,
  cancelSweep,
  pauseSweep,
  resumeSweep,
  submitSweep,
} from '../api/control.js';

/** A sweep file has 1 MB; as a text in JSON it may be longer. */
const SWEEP_BYTES = 4 * 1024 * 1024;
/** A reason for people. */
const REASON_BYTES = 64 * 1024;

const submission = z.strictObject({ document: z.string(), retryFailed: z.boolean().default(false) });
const because = z.strictObject({ reason: z.string().default('') });
/** What may be done to a sweep that is there, by the last word of its path. */
const ACTIONS = { cancel: cancelSweep, pause: pauseSweep, resume: resumeSweep } as const;

/**
 * What the web view may change where its operator allows that: what the scope `submit` may change over gRPC.
 */
export function writeRoutes(app: HttpApp, api: ControlApi): void {
  app.post('/api/v1/sweeps', submits(SWEEP_BYTES), async (asked) => {
    const request = checked(submission, asked.body);
    return await submitSweep(api, { ...request, modelsJson: '', submitter: '' }, askerOf(asked));
  });
  for (const [action, act] of Object.entries(ACTIONS)) {
    app.post<{ Params: { id: string } }>(
      `/api/v1/sweeps/:id/${action}`,
      submits(REASON_BYTES),
      async (asked) =>
        await act(api, { sweepId: asked.params.id, ...checked(because, asked.body) }, askerOf(asked)),
    );
  }
}

/** @throws WireError `forbidden` on a route that anybody may have: there is none that writes. */
function askerOf({ who, ip }: Pick<HttpRequest, 'who' | 'ip'>): Asker {
  if (who === null) throw new WireError('forbidden', 'Nobody was asked for here.');
  return { who, name: who.name, from: ip };
}

function submits(bodyBytes: number) {
  return { bodyLimit: bodyBytes, config: { access: 'submit', bodyBytes } } as const;
}

/** @throws WireError `invalid` with what is wrong with the first wrong field. */
function checked<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalid(`The body: ${issue?.path.join('.') || 'as a whole'}: ${issue?.message}.`);
}
