import type { Lease } from '../../core/experiment/lease.js';
import type { ResultRecord } from '../../core/result/result.js';
import { PROTOCOL, parseNodeProfile, parseReport, toGrant } from '../../proto/convert.js';
import { WireError } from '../../proto/errors.js';
import {
  AgentServiceService,
  type Hello,
  type SessionRequest,
  type SessionResponse,
} from '../../proto/gen/ridgepoint/v1/agents.js';
import { MAX_RESULT_BYTES } from '../../proto/limits.js';
import { Handlers, type Listening, makeServer } from '../../proto/server.js';
import { requestsOf } from '../../proto/several.js';
import type { Duplex } from '../../proto/stream.js';

type Message = NonNullable<SessionRequest['message']>;
type ValueOf<Case> = Extract<Message, { $case: Case }>['value'];

/** The coordinator's end of the wire, with a script instead of a scheduler: real gRPC, no decisions. */
export class ScriptedCoordinator {
  readonly hellos: Hello[] = [];
  readonly messages: Message[] = [];
  /** The same, those together that came in one. */
  readonly together: Message[][] = [];
  readonly records: ResultRecord[] = [];
  /** Given out one by one. */
  readonly leases: Lease[] = [];
  acknowledges = true;
  maxResultBytes = MAX_RESULT_BYTES;
  unknownTrialIds: string[] = [];
  /** Ends the stream at a longer record, as a server does whose messages are bounded. */
  breaksAbove = Number.POSITIVE_INFINITY;
  #listening: Listening | null = null;
  #stream: Duplex<SessionResponse, SessionRequest> | null = null;

  /** @returns its address; give it again to come back at the same place. */
  async start(address = '127.0.0.1:0'): Promise<string> {
    const { server, listen } = makeServer({ kind: 'plaintext' });
    const handlers = new Handlers({ kind: 'plaintext' });
    server.addService(AgentServiceService, {
      session: handlers.duplex<SessionRequest, SessionResponse>(async (stream) => {
        this.#stream = stream;
        for await (const request of stream) {
          const messages = requestsOf(request).flatMap(({ message }) => message ?? []);
          this.together.push(messages);
          for (const message of messages) {
            this.messages.push(message);
            await this.#answer(stream, message);
          }
        }
      }),
    });
    this.#listening = await listen(address);
    return this.#listening.address;
  }

  /** Cuts every stream, as a crash would. */
  async crash(): Promise<void> {
    await this.#listening?.close(0);
    this.#listening = null;
  }

  async say(message: NonNullable<SessionResponse['message']>): Promise<void> {
    await this.#stream?.send({ message });
  }

  of<Case extends Message['$case']>($case: Case): ValueOf<Case>[] {
    return this.messages
      .filter((message) => message.$case === $case)
      .map(({ value }) => value as ValueOf<Case>);
  }

  async #answer(stream: Duplex<SessionResponse, SessionRequest>, message: Message): Promise<void> {
    const send = (answer: NonNullable<SessionResponse['message']>) => stream.send({ message: answer });
    switch (message.$case) {
      case 'hello':
        parseNodeProfile(message.value.nodeProfileJson);
        this.hellos.push(message.value);
        return send({
          $case: 'welcome',
          value: {
            protocol: PROTOCOL,
            heartbeatSeconds: 1,
            leaseSeconds: 30,
            unknownTrialIds: this.unknownTrialIds,
            maxResultBytes: this.maxResultBytes,
            keepsBodies: false,
          },
        });
      case 'leaseRequest': {
        const lease = this.leases.shift();
        if (lease !== undefined) return send({ $case: 'lease', value: toGrant(lease) });
        const value = { deviceId: message.value.deviceId, retryMilliseconds: 50, idle: true };
        return send({ $case: 'noWork', value });
      }
      case 'result': {
        if (message.value.recordJson.length > this.breaksAbove) {
          throw new WireError('too-large', 'Received message larger than max');
        }
        this.records.push(parseReport(message.value).record);
        if (!this.acknowledges) return;
        return send({ $case: 'resultAck', value: { trialId: message.value.trialId } });
      }
      default:
    }
  }
}
