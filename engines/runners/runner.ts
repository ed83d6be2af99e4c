import { failed } from '../../core/errors.js';
import type { Options } from '../../core/experiment/experiment.js';
import type { DeviceProfile, RunnerProfile } from '../../core/experiment/node.js';
import { type OptionsOf, readOptions } from '../../core/experiment/options.js';
import type { OpType } from '../../core/kernels/op.js';
import type { RunnerKind } from '../../core/runners/runner.js';
import type { TrainingSettings } from '../../core/training/methods.js';
import type { Drafting } from '../../core/work/generation.js';
import type { Capability } from '../../core/workloads/capability.js';
import type { EngineConfig, NodeEngines } from '../config.js';
import type { ServedEndpoint } from '../servers/served.js';
import type { Opened } from './opened.js';

/**
 * A Runner executes a model, or an op. It lives in the trial's child process, may block that process's event
 * loop for as long as it computes, and may die there: the parent watches. One whose engine is another process
 * says so in what it opens (`processes`). Workloads drive what it opens and know nothing of engines.
 */
export interface Runner {
  readonly kind: string;
  /**
   * What this node can do with it; called in a short-lived child because native code is opened.
   * @param engines what the node's configuration names.
   */
  probe(engines: NodeEngines): Promise<RunnerProbe>;
  /**
   * @returns how to open a capability; undefined for one that its description in core/runners does not offer.
   */
  opener<C extends Capability>(capability: C): ((request: OpenRequest[C]) => Promise<Opened[C]>) | undefined;
}

/** A request as a runner's own functions take it: with its options as their schema reads them. */
export type WithOptions<Request, Options> = Omit<Request, 'options'> & { readonly options: Options };

/**
 * How a runner opens capabilities. Each throws FailureError (`load-failed`, `engine-missing`,
 * `model-unsupported`, …) with a sentence for people.
 */
type Openers<O> = {
  readonly [C in Capability]?: (request: WithOptions<OpenRequest[C], O>) => Promise<Opened[C]>;
};

/**
 * Declares a runner.
 * @template K its description in core/runners. Only the type is needed: a child that loads all of it starts
 *   later.
 * @param description of it, what it is called and the schema of its options.
 * @param opens opens each capability that it offers, for options that were read by that schema.
 */
export function defineRunner<K extends RunnerKind>(
  { kind, options: schema }: Pick<K, 'kind' | 'options'>,
  probe: Runner['probe'],
  opens: Openers<OptionsOf<K>> & Readonly<Record<K['offers'][number], unknown>>,
): Runner {
  const openers: Openers<OptionsOf<K>> = opens;
  return {
    kind,
    probe,
    opener(capability) {
      const opener = openers[capability];
      if (opener === undefined) return undefined;
      return async ({ options, ...request }) =>
        await opener({ ...request, options: readOptions<K['options']>(schema, options) });
    },
  };
}

export type RunnerProbe =
  | {
      readonly available: true;
      readonly profile: RunnerProfile;
      readonly notes: readonly string[];
      /**
       * Variants that the node's configuration names and that cannot be had, as a sentence calls them
       * (`server mine`), with the reason; left out = none.
       */
      readonly missing?: Readonly<Record<string, string>>;
      /**
       * Devices that a driver computes on the CPU, where the node's configuration lets them count: the system
       * knows nothing of them. Left out = none.
       */
      readonly softwareDevices?: readonly Omit<DeviceProfile, 'cpus'>[];
    }
  | {
      readonly available: false;
      readonly kind: string;
      readonly reason: string;
      readonly hint: string;
      /** The probe itself came to nothing: nobody knows whether the runner is here. */
      readonly unanswered?: true;
    };

/** An adapter that an engine runs beside a model. */
export interface RunnableAdapter {
  /** A GGUF file that llama.cpp reads. */
  readonly path: string;
  /** What it is called in sentences. */
  readonly source: string;
  readonly scale: number;
}

/** An op of our own native library, as a point of a sweep has it. */
export interface KernelRequest {
  readonly op: string;
  /** A variant's name, or `best`. */
  readonly variant: string;
  readonly type: OpType;
  readonly cache: 'warm' | 'cold';
  /** By the names of the op's parameters; what is left out is at its fallback. */
  readonly shape: Readonly<Record<string, number>>;
}

/** The shapes of a graph's inputs, as a point of a sweep has them. */
export interface GraphRequest {
  /** Size of the first dimension of inputs, where it is open. */
  readonly items: number;
  /** Of every other open dimension that `sizes` does not name. */
  readonly size: number;
  readonly sizes: Readonly<Record<string, number>>;
  readonly seed: number;
}

/** Where and how anything is opened. */
export interface PlaceRequest {
  /** The runner's options at this point. */
  readonly options: Options;
  /** `cpu`, `cuda`, …, and which device of that class. */
  readonly deviceClass: string;
  readonly deviceId: string;
  /** Devices that it has beside that one; left out = none. */
  readonly otherDeviceIds?: readonly string[];
  /** Logical CPUs the process is pinned to. */
  readonly cpus: readonly number[];
  /** What the node's configuration names; left out = nothing. */
  readonly engines?: EngineConfig;
}

export interface ModelRequest extends PlaceRequest {
  /** Absolute path of the artifact to run; null for runners without a file. */
  readonly modelPath: string | null;
  /** Attached at run time, all at once; left out = none. */
  readonly adapters?: readonly RunnableAdapter[];
}

interface GeneratorDemands {
  /** Tokens that each sequence needs at most, so that the context is exactly large enough. */
  readonly contextTokens: number;
  readonly sequences: number;
}

interface GreedyDemands extends GeneratorDemands {
  /** How drafts are made; null = there are none. */
  readonly drafting: Drafting | null;
  /** Tokens that all prompts begin with, to be computed once; 0 = each prompt is computed by itself. */
  readonly sharedTokens: number;
}

export interface EmbedderDemands {
  /**
   * How states of tokens become one vector: as the file says, their mean, that of the first or last one, or
   * by the head of a reranker.
   */
  readonly pooling: 'model' | 'mean' | 'cls' | 'last' | 'rank';
}

/**
 * How beginnings that prompts have in common are computed: once, as the engine does by itself, or each time.
 */
export type PrefixSharing = 'once' | 'engine' | 'off';

interface CompletionsDemands {
  /** Prompts go as they are, or as messages of a chat by the model's own template. */
  readonly api: 'chat' | 'completions';
  readonly prefixes: PrefixSharing;
  /** Requests that are worked on at once, at most. */
  readonly atOnce: number;
  /** Of an engine in this process: tokens that all of them and what is kept of earlier ones have together. */
  readonly cacheTokens: number;
  /** From the start of a request to the end of its answer. */
  readonly timeoutSeconds: number;
  /** Answers go on to their length whatever the model says. */
  readonly exactLength: boolean;
}

/** What has to be known of the work before something is opened for it; the workload says it. */
export interface Demands {
  readonly generator: GeneratorDemands;
  readonly 'profiled-generator': GeneratorDemands;
  readonly 'greedy-generator': GreedyDemands;
  /** One sequence, whose cache can be cut back to any length without a change of what follows. */
  readonly 'language-model': { readonly contextTokens: number };
  readonly embedder: EmbedderDemands;
  /** What the weights are loaded for. */
  readonly trainer: { readonly training: TrainingSettings };
  readonly op: { readonly kernel: KernelRequest };
  readonly 'tensor-graph': { readonly graph: GraphRequest };
  readonly completions: CompletionsDemands;
  /** The server was started before, by what the point says of it. */
  readonly endpoint: Readonly<Record<never, never>>;
}

export type GeneratorRequest = ModelRequest & GeneratorDemands;
export type GreedyRequest = ModelRequest &
  GreedyDemands & {
    /** Of the model that drafts; null = no model does. */
    readonly draftPath: string | null;
  };
export type LanguageModelRequest = ModelRequest & Demands['language-model'];
export type EmbedderRequest = ModelRequest & EmbedderDemands;
export type TrainerRequest = ModelRequest & Demands['trainer'];
export type GraphOpenRequest = ModelRequest & Demands['tensor-graph'];
export type OpRequest = PlaceRequest & Demands['op'];
export type EndpointRequest = ModelRequest & { readonly served: ServedEndpoint | null };
export type CompletionsRequest = EndpointRequest & CompletionsDemands;

/** What opening takes, by what is opened. */
export interface OpenRequest {
  readonly generator: GeneratorRequest;
  readonly 'profiled-generator': GeneratorRequest;
  readonly 'greedy-generator': GreedyRequest;
  readonly 'language-model': LanguageModelRequest;
  readonly embedder: EmbedderRequest;
  readonly trainer: TrainerRequest;
  readonly op: OpRequest;
  readonly 'tensor-graph': GraphOpenRequest;
  readonly completions: CompletionsRequest;
  readonly endpoint: EndpointRequest;
}

/**
 * Opens one capability of a runner.
 * @throws FailureError `impossible-combination` where it does not offer it, and as the runner does.
 */
export async function open<C extends Capability>(
  runner: Runner,
  capability: C,
  request: OpenRequest[C],
): Promise<Opened[C]> {
  const opener = runner.opener(capability);
  if (opener !== undefined) return await opener(request);
  throw failed('impossible-combination', `the runner ${runner.kind} opens no ${capability}`);
}
