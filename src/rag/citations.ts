/** Keeps answers honest: markers only of passages that were retrieved, quotes that stand in them, links that come from them. */
import type { Citation } from '../message.ts';
import { type Evidence, evidenceIn } from './evidence.ts';
import type { Passage } from './retrieve.ts';

/** Longest answer, in UTF-16 units. */
export const maxAnswerChars = 2_000;

/** A citation of the sentence. */
export function citationOf({ passage, quote }: Pick<Evidence, 'passage' | 'quote'>): Citation {
  const page = passage.page === null ? {} : { page: passage.page };
  return { document_id: passage.document_id, title: passage.title, chunk_index: passage.position, ...page, quote };
}

const marker = /\s?\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]/g;

/**
 * A model's text with its markers checked: `[n]` of passages that were not retrieved vanish, the others are numbered anew in the order of
 * their first use. Each citation quotes the sentence of its passage that is nearest to what the marker stands behind.
 */
export function checkCitations(written: string, passages: readonly Passage[]): { text: string; citations: Citation[] } {
  const text = untilStable(written, (all) => all.replace(marker, (found, list: string) => (namesAny(list, passages) ? found : '')));
  const order: number[] = [];
  const citations: Citation[] = [];
  let said = 0;
  const checked = text.replace(marker, (found, list: string, at: number) => {
    const statement = text.slice(said, at).replace(/\[[\d,\s]*\]/g, '');
    if (statement.trim() !== '') said = at + found.length;
    const numbers = list.split(',').map(Number);
    return numbers.map((number) => markerFor(number, statement)).join('');
  });

  function markerFor(number: number, statement: string): string {
    const passage = passages[number - 1];
    if (passage === undefined) return '';
    if (!order.includes(number)) {
      order.push(number);
      citations.push(citationOf({ passage, quote: nearestSentence(statement, passage) }));
    }
    return ` [${order.indexOf(number) + 1}]`;
  }

  return { text: checked.trim(), citations };
}

function nearestSentence(statement: string, passage: Passage): string {
  const sentences = evidenceIn(statement, passage, 0, { rarity: new Map(), guesses: new Map() });
  const best = sentences.reduce<Evidence | null>((top, next) => (next.coverage > (top?.coverage ?? -1) ? next : top), null);
  return best?.quote ?? passage.text.trim().slice(0, 200);
}

function namesAny(list: string, passages: readonly Passage[]): boolean {
  return list.split(',').some((number) => passages[Number(number) - 1] !== undefined);
}

const mostPasses = 10;

/** What is left around something taken out may come together to just that again. Nobody nests so deep in good faith: nothing is left of that. */
function untilStable(text: string, takeOut: (text: string) => string): string {
  let left = text;
  for (let pass = 0; pass < mostPasses; pass++) {
    const next = takeOut(left);
    if (next === left) return left;
    left = next;
  }
  return '';
}

/** A word-by-word guard against links that the passages do not hold: an injected document cannot make the model point elsewhere by itself. */
export function onlyKnownLinks(text: string, passages: readonly Passage[]): string {
  return untilStable(text, (all) =>
    all
      .replace(/!?\[([^\]\n]*)\]\(([^)\s]*)\)/g, '$1 $2')
      .replace(/(?:\b[a-z][a-z0-9+.-]*:\/\/|\bwww\.|\b(?:javascript|data|mailto):)\S+/gi, (link) => {
        const bare = link.replace(/[.,;:!?)\]}>'"”’]+$/, '');
        return passages.some((passage) => passage.text.includes(bare)) ? link : link.slice(bare.length);
      })
      .replace(/<\/?[a-z][^>\n]*>/gi, ''),
  );
}
