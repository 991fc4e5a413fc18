/** Answers without a model: the sentences that speak to the question, quoted. */
import type { Answer } from '../answers.ts';
import { citationOf } from './citations.ts';
import { type Evidence, findEvidence } from './evidence.ts';
import type { Retrieved } from './retrieve.ts';

const maxSentences = 3;
/** A further sentence must cover this share of what the best one does. */
const closeEnough = 0.75;

/** One to three quoted sentences with their citations, or `grounded: false` when no passage speaks to the question. */
export function extractiveAnswer(question: string, retrieved: Retrieved): Omit<Answer, 'promptVersion'> {
  const chosen = choose(findEvidence(question, retrieved));
  return {
    text: chosen.map(({ quote }, at) => `${quote.replace(/^[-*•]\s+/, '')} [${at + 1}]`).join('\n'),
    citations: chosen.map(citationOf),
    grounded: chosen.length > 0,
    degraded: true,
    model: 'extractive',
  };
}

/** The best sentence, then others nearly as good; overlapping chunks hold the same sentence twice. In reading order within a passage. */
function choose(evidence: readonly Evidence[]): Evidence[] {
  const least = (evidence[0]?.coverage ?? 0) * closeEnough;
  const chosen: Evidence[] = [];
  for (const next of evidence) {
    if (chosen.length === maxSentences || next.coverage < least) break;
    if (!chosen.some(({ quote }) => quote === next.quote)) chosen.push(next);
  }
  return chosen.sort((a, b) => a.rank - b.rank || a.sentence - b.sentence);
}
