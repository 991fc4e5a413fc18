/** What the contact's words mean: a word that is valid everywhere, the answer to a question, a button, an entry, a message to the state. */
import { grantConsent, placeOf, save } from '../programs/changes.ts';
import { spokenLanguage } from '../programs/content.ts';
import type { Entry } from '../programs/definition.ts';
import { isCrisis, matchEntry, matchGlobal } from '../programs/entry.ts';
import { hintFor } from '../programs/hints.ts';
import { type Circumstances, isSkipped, readAnswer } from '../programs/inputs.ts';
import type { Program } from '../programs/program.ts';
import { localClock, localDate } from '../programs/schedule.ts';
import type { Json } from '../programs/scope.ts';
import { answerInFlight, cancelAnswer, meanwhile } from './answering.ts';
import type { LiveProgram } from './conversation.ts';
import { type Draft, scopeOf } from './draft.ts';
import { tellOfHandoff } from './invoking.ts';
import { begin, dispatch, giveToPerson, restart } from './perform.ts';
import { post } from './posting.ts';
import type { OpenQuestion } from './snapshot.ts';
import { everyRun } from './waiting-runs.ts';
import { wordsOf } from './words.ts';

/** Obeys a word that is valid everywhere (opt-out, opt-in, human, help, restart) or tells of a crisis, whoever has control. False when the text is none. */
export function obey(draft: Draft, text: string): boolean {
  if (isCrisis(draft.program?.definition ?? null, text) && draft.snapshot.control !== 'human') {
    callPerson(draft, 'crisis', draft.program?.definition.global?.crisis?.content);
    draft.as = 'word.crisis';
    return true;
  }
  const word = matchGlobal(draft.program?.definition ?? null, text, draft.contact.language);
  const words = wordsOf(draft);
  const about = { content: `word.${word}`, question: null };
  switch (word) {
    case 'optOut':
      everyRun(draft, callOff);
      draft.contact = grantConsent(scopeOf(draft), 'messages', false).contact;
      post(draft, 'safety', { text: words.optedOut }, about);
      break;
    case 'optIn':
      if (draft.contact.consent.messages !== false) return false;
      draft.contact = grantConsent(scopeOf(draft), 'messages', true).contact;
      post(draft, 'safety', { text: words.optedIn }, about);
      break;
    case 'human':
      callPerson(draft, 'asked');
      break;
    case 'help':
      if (!draft.program || draft.snapshot.control !== 'bot') return false;
      sayHelp(draft, draft.program);
      break;
    case 'restart':
      if (draft.snapshot.control !== 'bot' || !restart(draft)) return false;
      break;
    default:
      return false;
  }
  draft.as = `word.${word}`;
  return true;
}

/** What is under way for a run is awaited no more, but for what runs for it. */
function callOff(draft: Draft): void {
  for (const [invokeId, { src }] of Object.entries(draft.snapshot.answers)) if (src !== 'program') cancelAnswer(draft, invokeId);
  draft.snapshot.waiting = [];
  dispatch(draft, { type: 'REPLY.cancel' });
}

/** One way to read the contact's words; true when it was the right one. */
type Reading = (draft: Draft, text: string, isFirst: boolean) => boolean;

/** The order in which words are read: an entry, the open question, a button's title, the state, the documents. */
const readings: readonly Reading[] = [asEntry, asAnswer, asButton, asMessage, asUnmatched];
/** A file without words answers only a question for one, and asks none. */
const wordlessReadings: readonly Reading[] = [asEntry, asFile, asMessage];

/** Takes words that are for the program. `isFirst` for the contact's first message ever. */
export function hear(draft: Draft, text: string, isFirst: boolean): void {
  draft.words = text;
  const fitting = text.trim() === '' ? wordlessReadings : readings;
  fitting.find((reads) => reads(draft, text, isFirst));
}

/** Takes a button of the newest offer: the answer to its question, or a BUTTON event. */
export function press(draft: Draft, button: { id: string; title: string }): void {
  const { offer, question } = draft.snapshot;
  draft.snapshot.offer = null;
  if (question && offer?.question === question.id && answerQuestion(draft, question, button.id)) return;
  draft.as =
    draft.status === 'active' && dispatch(draft, { type: 'BUTTON', id: button.id, title: button.title }) ? 'BUTTON' : 'unhandled BUTTON';
}

/**
 * Starts a live program by the name of one of its links, or by its own (a link, the API). Does nothing when none is live, or its way in
 * does not let the contact in again.
 */
export function startByName(draft: Draft, name: string): void {
  const { live } = draft.surroundings;
  const linkOf = ({ program }: LiveProgram) => matchEntry(program.definition, { text: '', isFirst: false, link: name });
  const found = live.find(linkOf) ?? live.find(({ program }) => program.definition.meta.id === name);
  const running = draft.status === 'active' && draft.programRef?.id === found?.id;
  if (!found || running || !mayEnter(draft, found, wayIn(found, name)?.reentry ?? 'after-end')) {
    draft.as = 'unhandled start';
    return;
  }
  begin(draft, found.program, { id: found.id, version: found.version });
}

/** The entry by which a name leads into a program: the link of that name, else the one for the API; undefined where it declares neither. */
function wayIn({ program: { definition } }: LiveProgram, name: string) {
  return (
    matchEntry(definition, { text: '', isFirst: false, link: name }) ?? definition.entry?.find((one) => 'on' in one && one.on === 'api')
  );
}

function asEntry(draft: Draft, text: string, isFirst: boolean): boolean {
  const matches = draft.surroundings.live.flatMap((live) => {
    const entry = matchEntry(live.program.definition, { text, isFirst });
    return entry && mayEnter(draft, live, entry.reentry ?? 'after-end') ? [{ live, entry }] : [];
  });
  const [first] = matches.sort((a, b) => beforeOther(a.entry, b.entry));
  if (!first) return false;
  begin(draft, first.live.program, { id: first.live.id, version: first.live.version });
  return true;
}

/** Of entries of several programs the one of higher priority, else the one whose word it was, comes first. */
function beforeOther(one: Entry, other: Entry): number {
  const isWord = (entry: Entry) => Number('keywords' in entry);
  return (other.priority ?? 0) - (one.priority ?? 0) || isWord(other) - isWord(one);
}

function mayEnter(draft: Draft, live: LiveProgram, reentry: 'never' | 'after-end' | 'always'): boolean {
  if (draft.status === 'active') return reentry === 'always';
  return reentry !== 'never' || !draft.snapshot.ran.includes(live.id);
}

function asAnswer(draft: Draft, text: string): boolean {
  const { question } = draft.snapshot;
  return question !== null && answerQuestion(draft, question, text);
}

/** A file is the answer where one was asked for, and no misunderstanding where not. */
function asFile(draft: Draft, text: string): boolean {
  const { question } = draft.snapshot;
  return question !== null && fileInputs.has(question.input.type) && answerQuestion(draft, question, text);
}

const fileInputs: ReadonlySet<string> = new Set(['file', 'image', 'voice']);

function asButton(draft: Draft, text: string): boolean {
  const said = text.trim().toLocaleLowerCase();
  const isSaid = (button: { title: string }, index: number) =>
    button.title.trim().toLocaleLowerCase() === said || String(index + 1) === said;
  const button = draft.snapshot.offer?.buttons.find(isSaid);
  if (button) press(draft, button);
  return button !== undefined;
}

function asMessage(draft: Draft, text: string): boolean {
  draft.as = 'MESSAGE';
  const { attachments } = draft;
  return draft.status === 'active' && dispatch(draft, { type: 'MESSAGE', text, attachments, language: draft.contact.language ?? '' });
}

function asUnmatched(draft: Draft, text: string): boolean {
  const flight = answerInFlight(draft);
  const policy = draft.program?.definition.policies?.unmatched ?? 'answer';
  draft.as = `unmatched.${policy}`;
  if (flight) meanwhile(draft, flight, text);
  else if (policy === 'answer') dispatch(draft, { type: 'REPLY.start', text });
  else if (policy === 'human') callPerson(draft, 'unmatched');
  else if (policy === 'reprompt') repeatQuestion(draft);
  return true;
}

function sayHelp(draft: Draft, program: Program): void {
  const content = program.definition.global?.help?.content;
  const said = content === undefined ? null : program.render(content, scopeOf(draft), { type: 'MESSAGE' }).text;
  post(draft, 'reply', { text: said ?? wordsOf(draft).help }, { content: content ?? 'word.help', question: null });
}

function callPerson(draft: Draft, reason: string, content?: string): void {
  tellOfHandoff(draft, reason, null);
  const said = content && draft.program ? draft.program.render(content, scopeOf(draft), { type: 'MESSAGE' }).text : null;
  const text = said ?? wordsOf(draft).human;
  post(draft, 'safety', { text }, { content: content ?? 'word.human', question: null });
  giveToPerson(draft);
  draft.snapshot.control = 'human';
}

function repeatQuestion(draft: Draft): void {
  const { question } = draft.snapshot;
  if (!question || !draft.program) return;
  const { text } = draft.program.render(question.content, scopeOf(draft), { type: 'MESSAGE' });
  post(draft, 'reply', { text, input: question.input }, { content: question.content, question: question.id });
}

/** Takes a button whose moment has passed: it is on record and moves nothing, and what is open now is asked again, if anything is. */
export function askAgain(draft: Draft): void {
  draft.as = 'stale';
  const { question, offer } = draft.snapshot;
  if (!question && !offer) return;
  const asked = question && draft.program ? [draft.program.render(question.content, scopeOf(draft), { type: 'MESSAGE' }).text] : [];
  const { passed, here } = wordsOf(draft);
  const text = question ? [`${passed} ${here}`, ...asked].join('\n\n') : passed;
  const buttons = offer?.question === (question?.id ?? null) ? { buttons: offer.buttons } : {};
  const input = question ? { input: question.input } : {};
  post(draft, 'reply', { text, ...buttons, ...input }, { content: question?.content ?? 'word.passed', question: question?.id ?? null });
}

/** True when the text was taken as an answer, valid or not; false leaves the question open and the text to the state. */
function answerQuestion(draft: Draft, question: OpenQuestion, text: string): boolean {
  const { program } = draft;
  if (!program) return false;
  const language = draft.contact.language ?? program.definition.meta.languages[0] ?? 'en';
  const isSkip = isSkipped(question.input as never, text, language);
  const answer = isSkip ? { ok: true as const, value: null } : readAnswer(question.input as never, text, language, given(draft, program));
  if (answer.ok) {
    draft.snapshot.question = null;
    if (draft.snapshot.offer?.question === question.id) draft.snapshot.offer = null;
    if (!isSkip) keep(draft, program, question, answer.value);
    draft.as = dispatch(draft, { type: 'ANSWER', question: question.id, value: answer.value }) ? 'ANSWER' : 'unhandled ANSWER';
    return true;
  }
  // A question back is for the documents, and an open question does not hold anybody who does not answer it.
  if (text.trimEnd().endsWith('?') || question.tries >= question.retries) return false;
  const tries = question.tries + 1;
  draft.snapshot.question = { ...question, tries };
  draft.as = 'INVALID';
  if (dispatch(draft, { type: 'INVALID', question: question.id, tries })) return true;
  const { hint } = program.render(question.content, scopeOf(draft), { type: 'INVALID' });
  const own = question.hint ? program.render(question.hint, scopeOf(draft), { type: 'INVALID' }).text : hint;
  const said = own ?? hintOf(program, question, language);
  post(draft, 'reply', { text: said, input: question.input }, { content: question.content, question: question.id });
  return true;
}

/** What a question takes, in the language the program speaks to the contact. */
function hintOf({ definition }: Program, { input }: OpenQuestion, language: string): string {
  return hintFor(input, spokenLanguage(definition.meta.languages, language) ?? language);
}

/** What the words came with. */
function given(draft: Draft, program: Program): Circumstances {
  const { attachments, surroundings } = draft;
  const zone = program.zoneOf(scopeOf(draft));
  return {
    attachments,
    now: `${localDate(surroundings.now, zone)}T${localClock(surroundings.now, zone)}`,
  };
}

/** Keeps an answer where the question said, and the consent it gives. */
function keep(draft: Draft, program: Program, { saveTo, input }: OpenQuestion, value: Json): void {
  const { machine } = draft.snapshot;
  if (input.type === 'consent') draft.contact = grantConsent(scopeOf(draft), String(input.kind), value === true).contact;
  if (saveTo === null || !machine) return;
  const scope = save(program.definition, scopeOf(draft), placeOf(saveTo), value);
  draft.contact = scope.contact;
  draft.snapshot.machine = { ...machine, vars: scope.vars };
}
