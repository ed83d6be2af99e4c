import { commonLength } from '../../../core/serving/shared-beginnings.js';

/** A place that a request holds. */
export interface Place {
  readonly index: number;
  free(): void;
}

interface Slot {
  readonly index: number;
  /** The prompt that it computed last, or computes now. */
  text: string;
  busy: boolean;
  usedAt: number;
}

interface Waiting {
  readonly text: string;
  readonly take: (place: Place) => void;
}

/** A beginning that is worth waiting for: shorter ones are computed sooner than a place is free. */
const WORTH_CHARACTERS = 200;
/** And the share of the prompt that it has to be. */
const WORTH_SHARE = 0.5;
/** A place that has nearly as much of it is as good. */
const NEARLY = 0.9;

/**
 * Gives requests places so that prompts which begin alike go into the same one, in turn: its server computes
 * of each only what is new. Others go into the place that was used least recently.
 */
export class Places {
  readonly #slots: readonly Slot[] | null;
  readonly #waiting: Waiting[] = [];
  #clock = 0;

  /**
   * @param count null = the server shares what it keeps among all requests, and there is nothing to choose.
   */
  constructor(count: number | null) {
    const empty = (_: unknown, index: number): Slot => ({ index, text: '', busy: false, usedAt: 0 });
    this.#slots = count === null ? null : Array.from({ length: count }, empty);
  }

  /** @returns a place as soon as there is one for this prompt; null where there are none to choose from. */
  async take(text: string): Promise<Place | null> {
    if (this.#slots === null) return null;
    return await new Promise((resolve) => {
      this.#waiting.push({ text, take: resolve });
      this.#assign();
    });
  }

  /** @returns a place whoever holds it; null where there are none. */
  at(index: number): Place | null {
    return this.#slots === null ? null : { index, free() {} };
  }

  #assign(): void {
    for (let i = 0; i < this.#waiting.length; ) {
      const one = this.#waiting[i]!;
      const slot = this.#slotFor(one.text);
      if (slot === null) i += 1;
      else {
        this.#waiting.splice(i, 1);
        one.take(this.#hold(slot, one.text));
      }
    }
  }

  /** @returns null where it has to wait. */
  #slotFor(text: string): Slot | null {
    const matches = this.#slots!.map((slot) => ({ slot, common: commonLength(slot.text, text) }));
    const longest = Math.max(...matches.map(({ common }) => common));
    if (longest >= WORTH_CHARACTERS && longest >= WORTH_SHARE * text.length) {
      const good = matches.filter(({ common }) => common >= NEARLY * longest).map(({ slot }) => slot);
      return good.find(({ busy }) => !busy) ?? null;
    }
    const free = this.#slots!.filter(({ busy }) => !busy);
    return free.reduce<Slot | null>((a, b) => (a === null || b.usedAt < a.usedAt ? b : a), null);
  }

  #hold(slot: Slot, text: string): Place {
    slot.busy = true;
    slot.text = text;
    slot.usedAt = ++this.#clock;
    return {
      index: slot.index,
      free: () => {
        slot.busy = false;
        this.#assign();
      },
    };
  }
}
