/** What the server of models has, remembered: many need to know, and no answer waits to hear what has hardly changed. */
import type { Clock } from '../clock.ts';

/** A model as the server lists it. */
export interface InstalledModel {
  name: string;
  digest: string;
  bytes: number;
  /** Such as `8.0B`. */
  parameters: string;
}

/** The models of one server as last heard. */
export interface Installed {
  /** Asks the server. @throws AppError UNAVAILABLE · the signal's reason */
  list(signal: AbortSignal): Promise<InstalledModel[]>;
  /** What it said within the last minute; null when it has not been asked since. */
  recent(): readonly InstalledModel[] | null;
  /**
   * The digest of the model of this full name; empty when it is not installed, or the server does not say. Waits for the server only when it
   * was never asked; what is older than a minute is given all the same while it is asked anew.
   */
  digestOf(name: string): Promise<string>;
  /** Says that another model has been installed: whoever is next asks the server. */
  forget(): void;
}

/** A model fetched anew under its name is noticed after this long. */
const knownMs = 60_000;

/** @param ask asks the server, within a few seconds */
export function createInstalled(ask: (signal: AbortSignal) => Promise<InstalledModel[]>, clock: Clock): Installed {
  let known: readonly InstalledModel[] | null = null;
  let until = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | null = null;

  async function list(signal: AbortSignal): Promise<InstalledModel[]> {
    const models = await ask(signal);
    known = models;
    until = clock.wall() + knownMs;
    return models;
  }

  /** Nobody's leaving ends it: others wait for it too. */
  function askAnew(): Promise<void> {
    asking ??= list(new AbortController().signal)
      .then(ignoreModels, () => {
        // As good as knowing nothing new: it is asked again later.
        until = clock.wall() + knownMs;
      })
      .finally(() => {
        asking = null;
      });
    return asking;
  }

  return {
    list,
    recent: () => (clock.wall() < until ? known : null),
    async digestOf(name) {
      if (clock.wall() >= until) {
        const asked = askAnew();
        if (known === null) await asked;
      }
      return known?.find((model) => model.name === name)?.digest ?? '';
    },
    forget() {
      known = null;
      until = Number.NEGATIVE_INFINITY;
    },
  };
}

function ignoreModels(): void {}
