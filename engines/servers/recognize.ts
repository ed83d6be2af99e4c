import { z } from 'zod';
import { orElse } from '../../core/or-else.js';
import { valueAt } from '../../core/quality/tasks/template.js';
import { ANY_SERVER, PROFILES, SERVER_KINDS, type ServerKindName } from '../../core/runners/server/index.js';
import type { ServerProfile } from '../../core/runners/server/profile.js';
import { whyNoConnection } from '../../load/problems.js';
import { isSuccess, TooSlow } from '../../proto/http/ask.js';
import { type Address, askServer, FACTS } from './ask.js';

/** A server that runs, by what it says of itself. */
export interface RunningServer {
  /** Of its engine; where that is not known, that of any server with OpenAI's API. */
  readonly kind: ServerKindName;
  readonly profile: ServerProfile;
  /** null = it does not say. */
  readonly release: string | null;
  /** Its models, each by its first name; adapters are none. */
  readonly models: readonly string[];
  /** Everything that requests may ask for: further names and adapters, too. */
  readonly names: readonly string[];
  /**
   * What it was started with as its model: a path of its machine or a name of the hub; null = it does not
   * say, or has several.
   */
  readonly modelSource: string | null;
}

/** Why a server is not recognized. */
export interface NotRecognized {
  /**
   * `silent`: nobody answers; `loading`: it says that it is not ready; `locked`: it asks for a key, or for
   * another one; `other`: it answers, and not as OpenAI's API does.
   */
  readonly why: 'silent' | 'loading' | 'locked' | 'other';
  /** In a clause. */
  readonly reason: string;
}

/** Of a name, a path or a release. */
const MOST_TOLD = 4096;

const listSchema = z.object({
  data: z
    .array(
      z.object({
        id: z.string().min(1).max(MOST_TOLD),
        owned_by: z.string().nullish(),
        /** Of an adapter, the model that it changes. */
        parent: z.string().nullish(),
        /** What was loaded, where a server says so. */
        root: z.string().nullish(),
      }),
    )
    .min(1),
});
type Listed = z.output<typeof listSchema>['data'][number];

/** Asks a running server what it is. */
export async function recognizeServer(at: Address): Promise<RunningServer | NotRecognized> {
  const { models: path } = PROFILES[ANY_SERVER].paths;
  const answer = await factsAt(at, path);
  if ('why' in answer) return answer;
  const list = listSchema.safeParse(orElse(() => JSON.parse(answer.text), null));
  if (!list.success)
    return {
      why: 'other',
      reason: `it lists no models at ${path}, as servers with OpenAI’s API do`,
    };
  const listed = basesOf(list.data.data);
  const kind = kindOf(listed);
  const profile: ServerProfile = PROFILES[kind];
  const { release = null, model = null } = profile.tells ?? {};
  const told = await toldBy(at, release);
  if (isNotRecognized(told)) return told;
  const source = listed.length > 1 ? null : await toldBy(at, model);
  return {
    kind,
    profile,
    release: told,
    models: listed.map(({ id }) => id),
    names: list.data.data.map(({ id }) => id),
    modelSource: isNotRecognized(source) ? null : source,
  };
}

/** @returns the release of a server whose profile is known; null = it does not say. */
export async function releaseAt(at: Address, { tells }: ServerProfile): Promise<string | null> {
  const told = await toldBy(at, tells?.release ?? null);
  return isNotRecognized(told) ? null : told;
}

/** vLLM and SGLang list a model once for each of its names, and adapters beside it. */
function basesOf(listed: readonly Listed[]): readonly Listed[] {
  const bases = listed.filter(({ parent }) => parent == null);
  const taken = bases.length > 0 ? bases : listed;
  return taken.filter(({ root }, i) => root == null || taken.findIndex((one) => one.root === root) === i);
}

function kindOf(listed: readonly Listed[]): ServerKindName {
  const isOf = ({ tells }: ServerProfile) =>
    tells !== null && listed.every(({ id, owned_by }) => owned_by === tells.ownedBy.replace('{model}', id));
  const kinds = Object.keys(SERVER_KINDS) as ServerKindName[];
  return kinds.find((kind) => isOf(PROFILES[kind])) ?? ANY_SERVER;
}

/**
 * @returns a text of one of its pages; null where that is not there. Some pages ask for a key, and the list
 *   of models does not.
 */
async function toldBy(at: Address, place: ToldAt | null): Promise<string | null | NotRecognized> {
  if (place === null) return null;
  const answer = await factsAt(at, place.path);
  if ('why' in answer) return answer.why === 'locked' ? answer : null;
  const found = orElse(() => valueAt(JSON.parse(answer.text) as Record<string, unknown>, place.value), null);
  return typeof found === 'string' && found !== '' && found.length <= MOST_TOLD ? found : null;
}

type ToldAt = NonNullable<NonNullable<ServerProfile['tells']>['release']>;

const isNotRecognized = (told: unknown): told is NotRecognized => typeof told === 'object' && told !== null;

async function factsAt(at: Address, path: string): Promise<{ readonly text: string } | NotRecognized> {
  try {
    const { status, text } = await askServer(at, path, FACTS);
    if (isSuccess(status)) return { text };
    const why = status === 401 || status === 403 ? 'locked' : status === 503 ? 'loading' : 'other';
    return { why, reason: `${path} answered ${status}` };
  } catch (error) {
    if (error instanceof TooSlow) return { why: 'silent', reason: `it says nothing for ${FACTS.seconds} s` };
    return { why: 'silent', reason: whyNoConnection(error as Error) };
  }
}
