import type { Lease } from '../../core/experiment/lease.js';
import type { NodeProfile } from '../../core/experiment/node.js';
import type { ResultRecord } from '../../core/result/result.js';
import { type AgentConnection, connectAgents } from '../../proto/client.js';
import { parseLease, toHello, toReport } from '../../proto/convert.js';
import type { SessionRequest, SessionResponse, Welcome } from '../../proto/gen/ridgepoint/v1/agents.js';
import type { ProcessHealth } from '../../proto/gen/ridgepoint/v1/health.js';
import type { ClientSecurity } from '../../proto/security.js';
import type { Duplex } from '../../proto/stream.js';
import { aNode, aRecord, type Ending } from './wire-records.js';

type Message = NonNullable<SessionResponse['message']>;
type Case = Message['$case'];
type ValueOf<C extends Case> = Extract<Message, { $case: C }>['value'];

export interface FakeAgentOptions {
  readonly profile?: NodeProfile;
  readonly instance?: string;
  readonly running?: readonly string[];
  readonly security?: ClientSecurity;
  readonly health?: ProcessHealth;
}

/** Speaks the agent's side of the session over real gRPC, word by word, as a test tells it. */
export class FakeAgent {
  readonly profile: NodeProfile;
  readonly #connection: AgentConnection;
  readonly #stream: Duplex<SessionRequest, SessionResponse>;
  readonly #gone = new AbortController();
  readonly #inbox: Message[] = [];
  #wake: () => void = () => undefined;
  /** Set when the stream is over. */
  ended: { readonly error: unknown } | null = null;

  private constructor(address: string, options: FakeAgentOptions) {
    this.profile = options.profile ?? aNode();
    this.#connection = connectAgents({ address, security: options.security ?? { kind: 'plaintext' } });
    this.#stream = this.#connection.session(this.#gone.signal);
    void this.#read();
  }

  /** Connects and says hello. @returns the agent and the coordinator's welcome. */
  static async join(
    address: string,
    options: FakeAgentOptions = {},
  ): Promise<{ agent: FakeAgent; welcome: Welcome }> {
    const agent = new FakeAgent(address, options);
    const instance = options.instance ?? agent.profile.name;
    const { running = [], health } = options;
    const hello = toHello(agent.profile, { instance, runningTrialIds: [...running], health });
    try {
      await agent.say({ $case: 'hello', value: hello });
      return { agent, welcome: await agent.hear('welcome') };
    } catch (error) {
      agent.vanish();
      throw error;
    }
  }

  async say(message: SessionRequest['message']): Promise<void> {
    await this.#stream.send({ message });
  }

  /** Says several things in one message. */
  async sayTogether(...messages: SessionRequest['message'][]): Promise<void> {
    await this.say({ $case: 'several', value: { requests: messages.map((message) => ({ message })) } });
  }

  /**
   * @returns the next message of this kind, setting others aside; throws the stream's error when it is over.
   */
  async hear<C extends Case>(kind: C): Promise<ValueOf<C>> {
    for (;;) {
      const index = this.#inbox.findIndex((message) => message.$case === kind);
      if (index >= 0) return this.#inbox.splice(index, 1)[0]!.value as ValueOf<C>;
      if (this.ended !== null) throw this.ended.error ?? new Error(`the stream ended before "${kind}"`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Asks until there is work. */
  async lease(deviceId = 'cpu0'): Promise<Lease> {
    await this.say({ $case: 'leaseRequest', value: { deviceId } });
    for (;;) {
      const message = await this.#either('lease', 'noWork');
      if (message.$case === 'lease') return parseLease(message.value.leaseJson);
      if (message.$case === 'noWork') {
        await new Promise((resolve) => setTimeout(resolve, Math.min(50, message.value.retryMilliseconds)));
        await this.say({ $case: 'leaseRequest', value: { deviceId } });
      }
    }
  }

  /** Asks once. @returns the lease, or what the coordinator says instead. */
  async ask(deviceId = 'cpu0'): Promise<Extract<Message, { $case: 'lease' | 'noWork' }>> {
    await this.say({ $case: 'leaseRequest', value: { deviceId } });
    return (await this.#either('lease', 'noWork')) as Extract<Message, { $case: 'lease' | 'noWork' }>;
  }

  /** Reports a trial and waits until it is acknowledged. */
  async report(lease: Lease, ending: Ending = {}): Promise<ResultRecord> {
    const record = aRecord(lease, this.profile, ending);
    await this.send(record);
    await this.hear('resultAck');
    return record;
  }

  async send(record: ResultRecord): Promise<void> {
    await this.say({ $case: 'result', value: toReport(record) });
  }

  /**
   * Sends a record and waits for the answer to it. @returns why it was refused; null = it was acknowledged.
   */
  async answerTo(record: ResultRecord): Promise<string | null> {
    await this.send(record);
    const answer = await this.#either('resultAck', 'resultRefused');
    return answer.$case === 'resultRefused' ? answer.value.reason : null;
  }

  async heartbeat(...trialIds: string[]): Promise<void> {
    await this.say({ $case: 'heartbeat', value: { trialIds, state: '', health: undefined } });
  }

  /** Measures until the coordinator says that everything is finished. @returns the leases. */
  async work(ending: (lease: Lease) => Ending = () => ({})): Promise<Lease[]> {
    const leases: Lease[] = [];
    for (;;) {
      const answer = await this.ask();
      if (answer.$case === 'lease') {
        const lease = parseLease(answer.value.leaseJson);
        leases.push(lease);
        await this.report(lease, ending(lease));
      } else if (answer.value.idle) {
        return leases;
      } else {
        await new Promise((resolve) => setTimeout(resolve, Math.min(20, answer.value.retryMilliseconds)));
      }
    }
  }

  /** Goes away without a word, as a process that was killed. */
  vanish(): void {
    this.#gone.abort();
    this.#connection.close();
  }

  async #either(...kinds: Case[]): Promise<Message> {
    for (;;) {
      const index = this.#inbox.findIndex((message) => kinds.includes(message.$case));
      if (index >= 0) return this.#inbox.splice(index, 1)[0]!;
      if (this.ended !== null) throw this.ended.error ?? new Error('the stream ended');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async #read(): Promise<void> {
    let error: unknown = null;
    try {
      for await (const { message } of this.#stream) {
        if (message !== undefined) this.#inbox.push(message);
        this.#wake();
      }
    } catch (thrown) {
      error = thrown;
    }
    this.ended = { error };
    this.#wake();
  }
}
