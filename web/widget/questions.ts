/** The place of the control for an open question. What draws it is fetched with the first question: most pages never need it. */
import type { createAsking } from './asking.ts';
import type { Capturing } from './capture.ts';
import { el } from './dom.ts';
import type { MessageFrame } from './protocol.ts';
import type { Words } from './words.ts';

/** The place of one panel. */
export interface Questions {
  readonly element: HTMLElement;
  /** Shows the control that fits the message's question; null, or a question that is best answered in words, shows none. */
  show(message: MessageFrame | null, words: Words, language: string): void;
}

/**
 * An empty place.
 *
 * @param fetchAsking loads the controls; a failure leaves questions to be answered in words, until the next one
 */
export function createQuestions(on: Pick<Capturing, 'answer' | 'attach'>, fetchAsking: () => Promise<typeof createAsking>): Questions {
  const element = el('div', { class: 'asking', hidden: '' });
  let show: Questions['show'] | null = null;
  let isFetching = false;
  let latest: Parameters<Questions['show']>;

  return {
    element,
    show(...asked) {
      latest = asked;
      if (show !== null) show(...latest);
      else if (asked[0]?.input !== undefined && !isFetching) {
        isFetching = true;
        fetchAsking().then(
          (create) => {
            show = create(element, on);
            show(...latest);
          },
          () => {
            isFetching = false;
          },
        );
      }
    },
  };
}
