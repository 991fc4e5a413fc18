/** Runs an `answer` effect: asks the documents and streams to whoever listens; only the result goes on record. */
import type { Answers } from '../answers.ts';
import type { Database } from '../database.ts';
import type { ConversationNews } from '../message.ts';
import { conversationTopic, type FanOut } from '../shared/fan-out.ts';
import type { AnswerParams } from './conversation.ts';
import type { RunEffect } from './effects.ts';
import { historyOf } from './history.ts';

/** The runner of `answer`. */
export function answerRunner({ db, fanOut, answers }: { db: Database; fanOut: FanOut; answers: Answers }): RunEffect {
  return async ({ key, effectId, params }, signal) => {
    const { text, language, instructions, collections, minScore = null } = params as AnswerParams;
    const topic = conversationTopic(key.creatorId, key.conversationId);
    const tell = (news: ConversationNews) => fanOut.publish(topic, JSON.stringify(news));
    tell({ type: 'typing', on: true });
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
      const answer = await answers.answer(request, signal, (piece) => tell({ type: 'delta', reply: effectId, text: piece }));
      return { outcome: 'done', result: { answer } };
    } finally {
      tell({ type: 'typing', on: false });
    }
  };
}
