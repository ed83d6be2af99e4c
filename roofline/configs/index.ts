import type { ModelRef } from '../../core/experiment/experiment.js';
import { nearest } from '../../core/input/suggest.js';
import { withoutEnding } from '../../core/models/formats.js';
import type { ModelArchitecture } from '../../core/work/architecture.js';
import type { StoredBits } from '../readers/assemble.js';
import { architectureFromConfig } from '../readers/config.js';
import type { ArchitectureReading } from '../readers/reading.js';
import models from './models.json' with { type: 'json' };

/** The fields of a published config.json that determine the shape, with the names of transformers. */
interface PublishedConfig {
  readonly source: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/**
 * Published models by the name that `--model` takes, from models.json: their repository on the hub, and the
 * content of its config.json.
 */
export const CONFIGS: ReadonlyMap<string, PublishedConfig> = new Map(
  Object.entries(models).map(([name, { repository, ...config }]) => [
    name,
    { source: `https://huggingface.co/${repository}/blob/main/config.json`, config },
  ]),
);

/** @param name `llama-2-7b`, or the repository it is published in, `meta-llama/Llama-2-7b-hf`. */
export function namedArchitecture(name: string, bits: Partial<StoredBits> = {}): ArchitectureReading {
  const found = CONFIGS.get(name.toLowerCase()) ?? byRepository(name);
  if (found !== undefined) return architectureFromConfig(found.config, bits);
  const names = [...CONFIGS.keys()];
  const near = nearestModel(name);
  return {
    ok: false,
    reason: `no published model is called ${JSON.stringify(name)}`,
    hint: `${near === null ? '' : `Did you mean ${near}? `}Known are ${names.join(', ')}.`,
  };
}

/** Shapes that are published under a name that a model of a sweep has. */
export interface PublishedShapes {
  readonly architecture: ModelArchitecture;
  /** As it is published. */
  readonly name: string;
}

/**
 * Looks for a model of a sweep among the published ones: by its repository, by the end of its path, and by
 * what the sweep calls it.
 */
export function publishedShapes({ name, source }: Pick<ModelRef, 'name' | 'source'>): PublishedShapes | null {
  const place = withoutEnding(source.replace(/^[a-z][a-z0-9+.-]*:/, '').replace(/\/+$/, ''));
  const [repository = place] = place.split(':');
  const last = repository.split('/').at(-1) ?? repository;
  for (const known of new Set([repository, last, last.replace(/-instruct$/i, ''), name])) {
    const reading = namedArchitecture(known);
    if (reading.ok) return { architecture: reading.architecture, name: known };
  }
  return null;
}

/**
 * @returns the published model with the most similar name, preferably one of the size in the name.
 *   `llama-70b` differs in two letters from `llama-2-70b` and in one from `llama-7b`, but means the first.
 */
export function nearestModel(name: string): string | null {
  const part = name.split('/').at(-1) ?? name;
  const names = [...CONFIGS.keys()];
  const size = sizeIn(part);
  const ofSize =
    size === null
      ? null
      : nearest(
          part,
          names.filter((known) => sizeIn(known) === size),
        );
  return ofSize ?? nearest(part, names);
}

/** `70b` of `llama-2-70b-chat`, `8x7b` of `mixtral-8x7b`. */
function sizeIn(name: string): string | null {
  return /(?:^|[-_ ])((?:\d+x)?\d+(?:\.\d+)?[bm])(?![a-z0-9])/i.exec(name)?.[1]?.toLowerCase() ?? null;
}

function byRepository(name: string): PublishedConfig | undefined {
  const wanted = name.toLowerCase();
  if (!wanted.includes('/')) return undefined;
  return [...CONFIGS.values()].find(({ source }) => source.toLowerCase().includes(`/${wanted}/blob/`));
}
