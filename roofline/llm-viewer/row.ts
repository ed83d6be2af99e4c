/** Operations and bytes of an operator in one layer, by LLM-Viewer's names for them. */
export interface Ask {
  readonly name: string;
  readonly operations: number;
  readonly loadWeight: number;
  readonly loadActivation: number;
  readonly storeActivation: number;
  readonly loadCache: number;
  readonly storeCache: number;
}

/** An operator under the roof: one line of LLM-Viewer's tables. */
export interface Row extends Ask {
  readonly bytes: number;
  /** Operations per byte. */
  readonly intensity: number;
  /** Operations per second that the roof allows at this intensity. */
  readonly performance: number;
  readonly bound: 'memory' | 'compute';
  readonly seconds: number;
}

/** The roof: a slope and a ceiling. */
export interface Roof {
  readonly bytesPerSecond: number;
  readonly operationsPerSecond: number;
}

const NOTHING: Omit<Ask, 'name' | 'operations'> = {
  loadWeight: 0,
  loadActivation: 0,
  storeActivation: 0,
  loadCache: 0,
  storeCache: 0,
};

/** @returns what an operator asks; what is not named is 0. */
export function ask(name: string, operations: number, bytes: Partial<typeof NOTHING>): Ask {
  return { name, operations, ...NOTHING, ...bytes };
}

/** Places an operator under the roof (`roofline_model.py`): left of the ridge point memory decides. */
export function place(asked: Ask, { bytesPerSecond, operationsPerSecond }: Roof): Row {
  const { loadWeight, loadActivation, storeActivation, loadCache, storeCache } = asked;
  const bytes = loadWeight + loadActivation + storeActivation + loadCache + storeCache;
  const intensity = asked.operations / bytes;
  const memory = intensity < operationsPerSecond / bytesPerSecond;
  const performance = memory ? intensity * bytesPerSecond : operationsPerSecond;
  return {
    ...asked,
    bytes,
    intensity,
    performance,
    bound: memory ? 'memory' : 'compute',
    seconds: asked.operations / performance,
  };
}
