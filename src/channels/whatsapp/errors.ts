/** What to do about each error of the WhatsApp Cloud API, by its code; titles change, codes do not. */
import type { Refusal } from '../channel.ts';

const seconds = 1_000;
const hours = 3_600_000;

/** Code → what follows. Source: the Cloud API's page of error codes. */
const table: Readonly<Record<number, Omit<Refusal, 'code'>>> = {
  131047: { does: 'window' },
  131026: { does: 'strike' },
  130429: { does: 'park', afterMs: 2 * seconds },
  131057: { does: 'park', afterMs: 60 * seconds },
  131056: { does: 'wait', afterMs: 6 * seconds },
  131048: { does: 'park', afterMs: hours },
  131049: { does: 'fail' },
  131051: { does: 'plain' },
  131052: { does: 'plain' },
  131053: { does: 'plain' },
  131021: { does: 'fail' },
  131030: { does: 'fail' },
  131031: { does: 'disable' },
  368: { does: 'disable' },
  131042: { does: 'disable' },
  130472: { does: 'fail' },
  133010: { does: 'disable' },
  190: { does: 'disable' },
  0: { does: 'disable' },
  10: { does: 'disable' },
  4: { does: 'retry' },
  80007: { does: 'retry' },
  1: { does: 'retry' },
  2: { does: 'retry' },
  131000: { does: 'retry' },
  131016: { does: 'retry' },
  100: { does: 'fail' },
  131008: { does: 'fail' },
  131009: { does: 'fail' },
};

/** What an error means. @param code null where the answer named none · `status` HTTP */
export function refusalOf(code: number | null, status: number): Refusal {
  if (code === null) return { code: `http ${status}`, does: status >= 500 || status === 429 ? 'retry' : 'fail' };
  const known = table[code];
  if (known) return { code: String(code), ...known };
  if (code >= 200 && code <= 299) return { code: String(code), does: 'disable' };
  return { code: String(code), does: status >= 500 ? 'retry' : 'fail' };
}
