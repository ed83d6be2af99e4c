import { toFailure } from '../../core/errors.js';
import { PROTOCOL, parseNodeProfile, parseReport, protocolRefusal, toGrant } from '../../proto/convert.js';
import { invalid, WireError } from '../../proto/errors.js';
import type {
  AgentServiceServer,
  Hello,
  ResultReport,
  SessionRequest,
  SessionResponse,
} from '../../proto/gen/ridgepoint/v1/agents.js';
import { MAX_RESULT_BYTES } from '../../proto/limits.js';
import type { CallContext, Handlers } from '../../proto/server.js';
import { oneResponse, requestsOf } from '../../proto/several.js';
import { type Duplex, unlessAborted } from '../../proto/stream.js';
import type { Audit, By } from '../audit.js';
import type { Clock } from '../clock.js';
import type { Dispatcher } from '../dispatcher.js';
import type { Registry, Session } from '../registry/registry.js';
import type { Push, Reply } from '../writing/write-behind.js';
import { checkMessage } from './checks.js';

export interface AgentsApi {
  readonly dispatcher: Dispatcher;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly audit: Audit;
  readonly heartbeatSeconds: number;
  readonly leaseSeconds: number;
  /** Whether files that records refer to are kept here. */
  readonly keepsBodies: boolean;
  readonly inform: (sentence: string) => void;
}

/** Longer than any id of ours. */
const LONGEST_ID = 200;

type Stream = Duplex<SessionResponse, SessionRequest>;

/** The agents' side of the wire: one stream per agent, read one message at a time. */
export function agentService(api: AgentsApi, handlers: Handlers): AgentServiceServer {
  return { session: handlers.duplex((stream, context) => serveAgent(api, stream, context)) };
}

/** One session, until its stream ends. */
export async function serveAgent(
  api: AgentsApi,
  stream: Stream,
  context: Pick<CallContext, 'caller' | 'peer' | 'nodeRefusal' | 'refusal'>,
): Promise<void> {
  const messages = stream[Symbol.asyncIterator]();
  const first = await messages.next();
  if (first.done) return;
  if (first.value.message?.$case !== 'hello') {
    throw invalid('A session begins with Hello; another message came first.');
  }
  const hello = first.value.message.value;
  const skew = protocolRefusal(hello.protocol, PROTOCOL);
  if (skew !== null) throw new WireError('refused', skew);
  const profile = parseNodeProfile(hello.nodeProfileJson);
  const refusal = context.nodeRefusal(profile.name);
  if (refusal !== null) throw new WireError('forbidden', refusal);
  checkMessage(first.value.message, profile);
  api.dispatcher.checkLeads();
  const closed = new AbortController();
  const by = { name: context.caller, from: context.peer };
  const session: Session = {
    node: profile.name,
    caller: context.caller,
    instance: hello.instance,
    stream: hello.stream,
    refusal: () => context.refusal(),
    // A stream that is gone needs no message; its agent asks again when it is back.
    push: (message) => void stream.send({ message }).catch(() => undefined),
    close: (reason) => closed.abort(reason),
  };
  api.registry.attach(profile, session, api.clock.isoTime(), hello.nodeProfileJson.length);
  api.registry.hear(profile.name, api.clock.isoTime(), hello.health);
  api.inform(`${profile.name} joined (${context.caller}, ${context.peer})`);
  api.audit.did('join', by, { node: profile.name });
  try {
    await welcome(api, stream, hello, profile);
    await untilClosed(messages, closed.signal, async (request) => {
      checkMessage(request.message, profile);
      const answers = await receive(api, profile.name, by, requestsOf(request));
      if (answers.length > 0) await stream.send(oneResponse(answers));
    });
  } finally {
    if (api.registry.detach(session, api.clock.isoTime())) {
      await api.dispatcher.dispatch({ event: 'node-disconnected', now: api.clock.now(), node: profile.name });
      api.inform(`${profile.name} disconnected`);
    }
  }
}

async function welcome(
  api: AgentsApi,
  stream: Stream,
  hello: Hello,
  profile: ReturnType<typeof parseNodeProfile>,
): Promise<void> {
  const { dispatcher, clock, heartbeatSeconds, leaseSeconds } = api;
  const replies = await dispatcher.dispatch({
    event: 'node-joined',
    now: clock.now(),
    at: clock.isoTime(),
    profile,
    instance: hello.instance,
    trialIds: hello.runningTrialIds,
    endedTrialIds: hello.endedTrialIds,
  });
  const unknown = replies.find((reply) => reply.command === 'unknown-trials');
  const unknownTrialIds = unknown === undefined ? [] : [...unknown.trialIds];
  const value = {
    protocol: PROTOCOL,
    // Whole seconds on the wire.
    heartbeatSeconds: Math.max(1, Math.floor(heartbeatSeconds)),
    leaseSeconds: Math.ceil(leaseSeconds),
    unknownTrialIds,
    maxResultBytes: MAX_RESULT_BYTES,
    keepsBodies: api.keepsBodies,
  };
  await stream.send({ message: { $case: 'welcome', value } });
  if (dispatcher.state.draining) {
    await stream.send({ message: { $case: 'pause', value: { reason: 'the coordinator is stopping' } } });
  }
  // Asked for before its stream broke.
  const leaving = dispatcher.state.nodes.get(profile.name)?.leaving ?? null;
  if (leaving !== null) await stream.send({ message: { $case: 'drain', value: { reason: leaving } } });
}

/** Handles each message before the next is read, which is what slows a fast agent down. */
async function untilClosed(
  messages: AsyncIterator<SessionRequest>,
  closed: AbortSignal,
  handle: (message: SessionRequest) => Promise<void>,
): Promise<void> {
  const read = unlessAborted(messages, closed);
  for (;;) {
    const next = await read();
    if (next === null || next.done) return;
    await handle(next.value);
  }
}

/**
 * What was said at one moment: the results first, which share an append to the log, so that whoever asks for
 * work has given back what it had.
 * @returns the answers, each after what it answers is durable
 */
async function receive(
  api: AgentsApi,
  node: string,
  by: By,
  requests: readonly SessionRequest[],
): Promise<SessionResponse[]> {
  api.registry.seen(node, api.clock.isoTime());
  const results = requests.flatMap(({ message }) => (message?.$case === 'result' ? [message.value] : []));
  const answered = await Promise.all(results.map((report) => receiveResult(api, node, by, report)));
  const answers = answered.flat();
  for (const request of requests) answers.push(...(await receiveOther(api, node, request)));
  return answers.map((message) => ({ message }));
}

async function receiveOther(
  { dispatcher, registry, clock }: AgentsApi,
  node: string,
  { message }: SessionRequest,
): Promise<SessionResponse['message'][]> {
  switch (message?.$case) {
    case 'hello':
    case 'several':
      throw invalid('Hello comes once, at the beginning of a session.');
    case 'leaseRequest': {
      const { deviceId } = message.value;
      const asked = { now: clock.now(), at: clock.isoTime(), node, deviceId };
      const replies = await dispatcher.dispatch({ event: 'work-requested', ...asked });
      return replies.map(toMessage);
    }
    case 'heartbeat': {
      const { trialIds, state, health } = message.value;
      registry.seen(node, clock.isoTime(), state === '' ? undefined : state);
      registry.hear(node, clock.isoTime(), health);
      await dispatcher.dispatch({ event: 'heartbeat', now: clock.now(), node, trialIds });
      return [];
    }
    case 'progress':
      if (dispatcher.state.leases.get(message.value.trialId)?.node === node) {
        registry.setProgress(message.value);
        dispatcher.changes.notify();
      }
      return [];
    case 'leaving': {
      const { returnedTrialIds } = message.value;
      registry.seen(node, clock.isoTime(), 'left');
      await dispatcher.dispatch({ event: 'node-leaving', now: clock.now(), node, returnedTrialIds });
      return [];
    }
    case 'result':
    case undefined:
      // A result has been answered; an empty message is not.
      return [];
  }
}

async function receiveResult(
  api: AgentsApi,
  node: string,
  by: By,
  report: ResultReport,
): Promise<SessionResponse['message'][]> {
  const at = api.clock.isoTime();
  let checked: ReturnType<typeof parseReport>;
  try {
    checked = parseReport(report, api.dispatcher.state.leases.get(report.trialId)?.experiment);
    const made = checked.record.node.name;
    if (made !== node) {
      throw invalid(`The record was made on ${made}, not on ${node}.`);
    }
  } catch (error) {
    const { trialId } = report;
    const reason = toFailure(error).message;
    tellRefused(api, node, by, trialId, reason);
    if (api.dispatcher.state.leases.get(trialId)?.node === node) {
      await api.dispatcher.dispatch({ event: 'trial-lost', at, trialId });
    }
    return [{ $case: 'resultRefused', value: { trialId, reason } }];
  }
  const replies = await api.dispatcher.dispatch(
    { event: 'reported', at, ...checked },
    report.recordJson.length,
  );
  for (const reply of replies) {
    if (reply.command === 'refuse') tellRefused(api, node, by, reply.trialId, reply.reason);
  }
  return replies.map(toMessage);
}

function tellRefused(
  { inform, audit }: AgentsApi,
  node: string,
  by: By,
  trialId: string,
  reason: string,
): void {
  inform(`a result of ${node} was refused: ${reason}`);
  audit.did('refuse-result', by, { node, trialId: trialId.slice(0, LONGEST_ID), reason });
}

function toMessage(reply: Reply): SessionResponse['message'] {
  switch (reply.command) {
    case 'grant':
      return { $case: 'lease', value: toGrant(reply.lease) };
    case 'no-work': {
      const retryMilliseconds = Math.max(1, Math.round(reply.retrySeconds * 1000));
      return { $case: 'noWork', value: { deviceId: reply.deviceId, retryMilliseconds, idle: reply.idle } };
    }
    case 'acknowledge':
      return { $case: 'resultAck', value: { trialId: reply.trialId } };
    case 'refuse':
      return { $case: 'resultRefused', value: { trialId: reply.trialId, reason: reply.reason } };
    case 'unknown-trials':
    case 'not-paused':
    case 'not-deleted':
      throw new Error('unknown trials are part of Welcome, and no node resumes or deletes a sweep');
  }
}

/** @returns the message that carries a command to a node's stream. */
export function pushMessage(push: Push): SessionResponse['message'] {
  switch (push.command) {
    case 'stop-trial':
      return { $case: 'stopTrial', value: { trialId: push.trialId, reason: push.reason } };
    case 'wake':
      return { $case: 'noWork', value: { deviceId: push.deviceId, retryMilliseconds: 1, idle: false } };
    case 'drain-node':
      return { $case: 'drain', value: { reason: push.reason } };
    case 'pause-node':
      return { $case: 'pause', value: { reason: push.reason } };
  }
}
