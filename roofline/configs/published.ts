/** A config.json as it is published: the fields that decide the shape, by the names of transformers. */
export interface PublishedConfig {
  readonly source: string;
  readonly config: Readonly<Record<string, unknown>>;
}

/** @returns a config with where it is published on the hub. */
export function published(repository: string, config: PublishedConfig['config']): PublishedConfig {
  return { source: `https://huggingface.co/${repository}/blob/main/config.json`, config };
}
