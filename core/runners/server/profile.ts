import { z } from 'zod';
import { FORMAT_NAMES } from '../../models/formats.js';
import { SERVER_METRIC_NAMES } from '../../serving/server-metrics.js';
import { SERVER_OPTION_NAMES, SERVER_OPTIONS, type ServerOption } from './options.js';

/** Words of a command line; `{model}`, `{port}`, … are filled in (engines/servers/command.ts). */
const args = z.array(z.string().max(4096)).max(200);
const pathOfUrl = z.string().regex(/^\/[A-Za-z0-9._/-]*$/);
const seconds = z.number().positive().max(86_400);
const release = z.string().regex(/^\d+(\.\d+)+$/);

/**
 * How one option becomes arguments: the same words for every value (`{value}`), or words for each value that
 * there is.
 */
const optionSchema = z.union([
  z.strictObject({
    arguments: args,
    /** The values that this server knows; left out = any of the option's type. */
    values: z.array(z.string()).optional(),
  }),
  z.strictObject({ cases: z.record(z.string(), args) }),
]);

/** A page of a server in JSON, and the way to a value in it: names and numbers, with dots between. */
const toldSchema = z.strictObject({ path: pathOfUrl, value: z.string().min(1) });

/** How a server is asked for log-probabilities (nats), and where they stand in its answer. */
const logProbabilitiesSchema = z.strictObject({
  path: pathOfUrl,
  /**
   * `"{prompt}"` stands for the token ids, or for the text where no tokenizer is known; `"{model}"` for what
   * requests call the model.
   */
  body: z.record(z.string(), z.json()),
  /** Names and numbers on the way to the list, with dots between. */
  list: z.string().min(1),
  /**
   * What its entries are: each a `number` (OpenAI's `token_logprobs`), a map `by-token` id (vLLM's
   * `prompt_logprobs`), a `pair` of number and id (SGLang's `input_token_logprobs`), `listed` as `id` and
   * `logprob` (llama-server's `top_logprobs`), or `named` in a map, such as `token_id:65` (vLLM's
   * `top_logprobs`).
   */
  entry: z.enum(['number', 'by-token', 'pair', 'listed', 'named']),
  /** The way to where each token begins, in characters of the prompt. */
  offsets: z.string().min(1).optional(),
});
export type LogProbabilitiesAsked = z.output<typeof logProbabilitiesSchema>;

/** A server that answers by OpenAI's API, as data: how it is started, asked, watched and stopped. */
export const serverProfileSchema = z.strictObject({
  /** The kind of runner. */
  name: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/),
  summary: z.string(),
  /** The release whose options and metrics it was checked against. */
  checkedAgainst: z.string().nullable(),
  /** Where it has run, and where it has not. */
  proved: z.string(),
  formats: z.array(z.enum(FORMAT_NAMES)),
  devices: z.array(z.enum(['cpu', 'cuda', 'vulkan', 'metal'])).min(1),
  /** Techniques whose results it can serve. */
  techniques: z.array(z.string()).default([]),
  /** The program, and what tells its release; empty = it is never started, only attached to. */
  command: args,
  version: args.default(['--version']),
  /**
   * The program of llama.cpp's sources that `ridge engines build server` makes of it, taken where the command
   * is not on the PATH.
   */
  built: z.string().nullable().default(null),
  /** Always there. */
  arguments: args,
  /** For each attached adapter: `{path}`, `{scale}`, `{name}`. */
  adapter: args.default([]),
  /** How it loads adapters that requests choose among, and how they do; null = requests cannot. */
  loras: z
    .strictObject({
      /** GGUF files that llama.cpp attaches, or folders as PEFT writes them. */
      format: z.enum(['gguf', 'peft']),
      /** Before the adapters. */
      arguments: args,
      /** For each: `{name}`, `{path}`. */
      adapter: args,
      /** What stands between adapters that are one word together; left out = they are words of their own. */
      between: z.string().min(1).optional(),
      /**
       * Fields of a request: `"{lora}"` stands for the name of its adapter, `"{index}"` for its place among
       * those that were loaded.
       */
      request: z.record(z.string(), z.json()),
      /** Fields of a request that wants none while some are loaded. */
      none: z.record(z.string(), z.json()).default({}),
    })
    .nullable()
    .default(null),
  environment: z.record(z.string(), z.string()).default({}),
  /** The images that its makers publish; null = none is known. */
  container: z
    .strictObject({
      /** null = there is none for CPUs alone. */
      cpu: z.string().nullable(),
      gpu: z.string(),
      /** Of a release, `{release}`; empty = releases are no tags of it. */
      tag: z.string().default(''),
      /** What it is started with in place of its own entry point; left out = that. */
      command: args.optional(),
      /** Whether vLLM's production-stack, a Helm chart, starts it. */
      chart: z.boolean().default(false),
    })
    .nullable()
    .default(null),
  options: z.partialRecord(z.enum(SERVER_OPTION_NAMES), optionSchema).default({}),
  /** The first release that has an option, or values of it, where it came later than others. */
  since: z
    .partialRecord(z.enum(SERVER_OPTION_NAMES), z.union([release, z.record(z.string(), release)]))
    .default({}),
  /** Options that change what a model answers. */
  answerOptions: z.array(z.enum(SERVER_OPTION_NAMES)).default([]),
  readiness: z.strictObject({ path: pathOfUrl, seconds }),
  /** What one that runs already says of itself; null = it cannot be recognized. */
  tells: z
    .strictObject({
      /**
       * `owned_by` of the models that it lists, by which it is recognized; `{model}` stands for their own
       * names.
       */
      ownedBy: z.string().min(1),
      /** Its release; null = it does not say. */
      release: toldSchema.nullable(),
      /** The file or folder of its model, as it was started with; null = it does not say. */
      model: toldSchema.nullable(),
    })
    .nullable()
    .default(null),
  /** SIGTERM, then the group is killed. */
  shutdown: z.strictObject({ seconds }),
  paths: z.strictObject({
    chat: pathOfUrl,
    completions: pathOfUrl,
    models: pathOfUrl,
    metrics: pathOfUrl.nullable(),
  }),
  /**
   * What a request says so that an answer has exactly so many tokens, beside max_tokens: `{wantedTokens}`
   * stands for them.
   */
  exactLength: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  /**
   * Of every stream: by OpenAI's API the usage at its end, and where a server tells with each chunk how many
   * tokens there are, that.
   */
  streamOptions: z.record(z.string(), z.boolean()).default({ include_usage: true }),
  /** How its prompts share their beginnings, and how a request asks otherwise; null = it is not known. */
  prefixes: z
    .strictObject({
      /** Fields of a request that shall share nothing; `"{unique}"` stands for a word of its own. */
      off: z.record(z.string(), z.json()).default({}),
      /** Fields that keep a run apart from others; `"{run}"` stands for its word. */
      run: z.record(z.string(), z.json()).default({}),
      /**
       * Of a server whose places keep what they computed last each for itself: where it says how many there
       * are, and what has a request go into one (`"{slot}"`). Left out = all requests share what is kept.
       */
      slots: z
        .strictObject({ path: pathOfUrl, count: z.string().min(1), request: z.record(z.string(), z.json()) })
        .optional(),
    })
    .nullable()
    .default(null),
  /** Log-probabilities of each token of a prompt; null = it tells none. */
  promptLogProbabilities: logProbabilitiesSchema.nullable().default(null),
  /** Of the likeliest tokens after a prompt; null = it tells none by their ids. */
  nextLogProbabilities: logProbabilitiesSchema.nullable().default(null),
  /** Series of its metrics page; of several names those that are there are added up. */
  metrics: z.partialRecord(z.enum(SERVER_METRIC_NAMES), z.array(z.string()).min(1)).default({}),
  /** Lines of its log that say what starting took: the first group is seconds. */
  log: z.strictObject({ weightsLoadSeconds: z.string().nullable() }).prefault({ weightsLoadSeconds: null }),
});

export type ServerProfile = z.output<typeof serverProfileSchema>;

export type OptionArguments = NonNullable<ServerProfile['options'][ServerOption]>;

/** @returns the values that a server knows of an option; null = any of its type. */
export function knownValues(option: OptionArguments): readonly string[] | null {
  return 'cases' in option ? Object.keys(option.cases) : (option.values ?? null);
}

/** Words that are worked out of an option. */
const WORKED_OUT: Readonly<Record<string, ServerOption>> = { verifiedTokens: 'draftTokens' };

/**
 * @returns the options that a word of a command line is filled in with; `{value}`, `{model}` and the like are
 *   none.
 */
export function optionsIn(argument: string): ServerOption[] {
  return [...argument.matchAll(/\{(\w+)\}/g)].flatMap(([, name = '']) => {
    const option = WORKED_OUT[name] ?? name;
    return Object.hasOwn(SERVER_OPTIONS, option) ? [option as ServerOption] : [];
  });
}
