/** Runs an `answer` effect: asks the documents and streams to whoever listens; only the result goes on record, and what does not come to one is withdrawn. */
import type { Answers } from '../answers.ts';
import type { Database } from '../database.ts';
import type { Deliveries } from '../deliveries.ts';
import type { ConversationNews } from '../message.ts';
import { conversationTopic, type FanOut } from '../shared/fan-out.ts';
import type { AnswerParams } from './conversation.ts';
import type { RunEffect } from './effects.ts';
import { historyOf } from './history.ts';

/** What answering needs. */
export interface AnswerRunnerDeps {
  db: Database;
  fanOut: FanOut;
  answers: Answers;
  /** Shows on an outside channel that an answer is on its way. */
  showTyping: Deliveries['showTyping'];
}

/** The runner of `answer`. */
export function answerRunner({ db, fanOut, answers, showTyping }: AnswerRunnerDeps): RunEffect {
  return async ({ key, effectId, params, attempts }, signal) => {
    const { text, language, instructions, collections, minScore = null } = params as AnswerParams;
    const topic = conversationTopic(key.creatorId, key.conversationId);
    const tell = (news: ConversationNews) => fanOut.publish(topic, news);
    let shown = 0;
    function show(text: string, anew = false): void {
      const after = anew ? 0 : shown;
      shown = after + text.length;
      tell({ type: 'delta', reply: effectId, text, after, ...(anew ? { anew } : {}) });
    }
    // Whoever tried before may have said half of it, and died.
    if (attempts > 1) show('', true);
    tell({ type: 'typing', on: true });
    const answered = new AbortController();
    void showTyping(key, AbortSignal.any([signal, answered.signal]));
    try {
      const history = await historyOf(db, key);
      const question = text || (history.findLast((said) => said.role === 'contact')?.text ?? '');
      const request = {
        creatorId: key.creatorId,
        question,
        history,
        language,
        instructions,
        collections,
        minScore,
        conversationId: key.conversationId,
      };
      const answer = await answers.answer(request, signal, (piece, anew) => {
        if (!signal.aborted) show(piece, anew);
      });
      return { outcome: 'done', result: { answer } };
    } finally {
      answered.abort();
      if (signal.aborted) show('', true);
      tell({ type: 'typing', on: false });
    }
  };
}
