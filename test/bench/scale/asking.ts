import { Client, type ClientDuplexStream, credentials } from '@grpc/grpc-js';
import { connectControl } from '../../../proto/client.js';
import { toHello } from '../../../proto/convert.js';
import {
  AgentServiceService,
  type SessionRequest,
  type SessionResponse,
} from '../../../proto/gen/ridgepoint/v1/agents.js';
import { CHANNEL_OPTIONS } from '../../../proto/limits.js';
import { sweepOf } from '../../support/synthetic-fleet.js';
import { aNode } from '../../support/wire-records.js';

type Stream = ClientDuplexStream<SessionRequest, SessionResponse>;
type Answer = NonNullable<SessionResponse['message']>;

/** Streams of one connection; a server takes 128. */
const TOGETHER = 100;
/**
 * Of the sweep, for each agent: as many as a block may hold, so that nobody waits for what another leaves.
 */
const POINTS_EACH = 64;
/** How many join at a time. */
const JOINING = 200;

/** An agent that joins, asks once, and is given a lease or not. */
class AskingAgent {
  readonly #stream: Stream;
  readonly #name: string;
  #heard: (answer: Answer) => void = () => {};

  constructor(client: Client, name: string) {
    const { path, requestSerialize, responseDeserialize } = AgentServiceService.session;
    this.#stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    this.#name = name;
    this.#stream.on('data', ({ message }: SessionResponse) => message !== undefined && this.#heard(message));
    this.#stream.on('error', () => undefined);
  }

  join(): Promise<Answer> {
    return this.#say({ $case: 'hello', value: toHello(aNode(this.#name), { instance: this.#name }) });
  }

  ask(): Promise<Answer> {
    return this.#say({ $case: 'leaseRequest', value: { deviceId: 'cpu0' } });
  }

  leave(): void {
    this.#stream.cancel();
  }

  #say(message: SessionRequest['message']): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#heard = resolve;
      this.#stream.once('close', () => reject(new Error(`the stream of ${this.#name} was closed`)));
      this.#stream.write({ message });
    });
  }
}

export interface Asked {
  readonly granted: number;
  readonly joinSeconds: number;
  /** From the question to its answer, sorted. */
  readonly milliseconds: readonly number[];
}

/** Agents that have joined ask one after the other, all within so many seconds, for work that there is. */
export async function askOnce(address: string, count: number, seconds: number): Promise<Asked> {
  const control = connectControl({ address, security: { kind: 'plaintext' } });
  const document = sweepOf({ results: POINTS_EACH * count, name: 'asked' });
  await control.submitSweep({ document, modelsJson: '', submitter: 'bench', retryFailed: false });
  control.close();
  const clients = Array.from(
    { length: Math.ceil(count / TOGETHER) },
    (_, index) =>
      new Client(address, credentials.createInsecure(), {
        ...CHANNEL_OPTIONS,
        // Else all share one connection.
        'grpc.use_local_subchannel_pool': 1,
        'grpc.client_number': index,
      }),
  );
  const agents = Array.from(
    { length: count },
    (_, index) => new AskingAgent(clients[Math.floor(index / TOGETHER)]!, `asking-${index}`),
  );
  const begun = performance.now();
  for (let from = 0; from < count; from += JOINING)
    await Promise.all(agents.slice(from, from + JOINING).map((agent) => agent.join()));
  const joinSeconds = (performance.now() - begun) / 1000;
  const first = performance.now() + 1000;
  const milliseconds: number[] = [];
  let granted = 0;
  await Promise.all(
    agents.map(async (agent, index) => {
      const wait = first + (1000 * seconds * index) / count - performance.now();
      await new Promise((resolve) => setTimeout(resolve, wait));
      const askedAt = performance.now();
      const { $case } = await agent.ask();
      milliseconds.push(performance.now() - askedAt);
      if ($case === 'lease') granted += 1;
    }),
  );
  for (const agent of agents) agent.leave();
  for (const client of clients) client.close();
  return { granted, joinSeconds, milliseconds: milliseconds.sort((a, b) => a - b) };
}
