/** Checks what a program does, by exploring it: floods, words outside the window, buttons nobody hears, promises of its chart. */
import type { Deed } from './abstract-machine.ts';
import type { Definition } from './definition.ts';
import { type Exploration, explore, type Leg } from './explore.ts';
import { type Finding, type FindingCode, pointerTo, problem, warning } from './finding.ts';
import { spanInWords } from './intervals.ts';
import { shortestTranscript } from './shortest.ts';
import { windowMs } from './symbolic-guards.ts';
import type { Action } from './vocabulary.ts';
import { actionsOf, type Place } from './walk.ts';

/** The most messages one input may bring. */
const mostMessages = 20;

/** What the checks look at. */
interface Explored extends Exploration {
  definition: Definition;
  /** Where each action stands, and the state it stands in. */
  stands: ReadonlyMap<Action, { pointer: string; state: string }>;
}

/** What a program does wrong, and the other findings about its behaviour with a shortest transcript each. */
export function checkBehaviour(definition: Definition, places: readonly Place[], others: readonly Finding[]): readonly Finding[] {
  const explored: Explored = { definition, stands: standsOf(places), ...explore(definition) };
  return [
    ...others.map((finding) => withTranscript(explored, places, finding)),
    ...checkFloods(explored),
    ...checkWindow(explored),
    ...checkAnswers(explored),
    ...checkButtons(explored),
    ...checkNever(explored),
    ...checkCovered(explored, places),
  ];
}

function standsOf(places: readonly Place[]): Explored['stands'] {
  return new Map(
    places.flatMap((place) => actionsOf(place).map(({ action, pointer }) => [action, { pointer, state: place.path.join('.') }] as const)),
  );
}

const behaviour: ReadonlySet<FindingCode> = new Set<FindingCode>([
  'dead-end',
  'no-time-limit',
  'possible-loop',
  'eventless-loop',
  'invoke-without-error-way',
  'invoke-without-time-limit',
  'unanswered-question',
]);

/** The finding with the shortest way into the state it is about; as it was where no way leads there. */
function withTranscript({ definition, legs }: Explored, places: readonly Place[], finding: Finding): Finding {
  if (!behaviour.has(finding.code)) return finding;
  const place = places.findLast(({ pointer }) => finding.pointer === pointer || finding.pointer.startsWith(`${pointer}/`));
  const path = place?.path.join('.') ?? '';
  const leg = legs.find(({ outcome }) => outcome.deeds.some((deed) => deed.kind === 'entered' && deed.path === path));
  return leg ? { ...finding, transcript: shortestTranscript(definition, leg) } : finding;
}

type Said = Extract<Deed, { kind: 'did' }>;

const messagesOf = ({ outcome }: Leg): readonly Said[] =>
  outcome.deeds.flatMap((deed) => (deed.kind === 'did' && (deed.action.type === 'say' || deed.action.type === 'ask') ? [deed] : []));

function checkFloods({ definition, legs, stands }: Explored): readonly Finding[] {
  const flood = legs.find((leg) => messagesOf(leg).length > mostMessages);
  if (!flood) return [];
  const count = messagesOf(flood).length;
  const pointer = stands.get(messagesOf(flood)[mostMessages]?.action as Action)?.pointer ?? '/machine';
  const words = `One input can bring ${count} messages at once; ${mostMessages} is the most`;
  const finding = flood.outcome.rounds ? warning('too-many-messages', pointer, words) : problem('too-many-messages', pointer, words);
  return [{ ...finding, transcript: shortestTranscript(definition, flood) }];
}

/** Free text that WhatsApp would refuse, since the contact's last message is longer ago than a day. */
function checkWindow(explored: Explored): readonly Finding[] {
  const { definition, legs } = explored;
  if (!definition.meta.channels?.includes('whatsapp') || hasFallback(definition)) return [];
  const found = new Map<string, Finding>();
  for (const leg of legs) {
    for (const { pointer, state, hours, content, language } of outsideWindow(explored, leg)) {
      if (found.has(pointer)) continue;
      const when = Number.isFinite(hours) ? `${spanInWords(hours)} after the last reply` : 'to somebody who may never have written';
      const where = language === null ? '' : ` in "${language}"`;
      const message = `"${state || 'the start'}" can send free text ("${content}"${where}) ${when}, and WhatsApp takes it for 24 h only: give it a template, or test "inWindow" first`;
      found.set(pointer, { ...problem('outside-window', pointer, message), transcript: shortestTranscript(definition, leg) });
    }
  }
  return [...found.values()];
}

function hasFallback({ policies }: Definition): boolean {
  return policies !== undefined && 'windowFallback' in policies && policies.windowFallback !== undefined;
}

function outsideWindow({ definition, stands }: Explored, leg: Leg) {
  if (leg.silent.max + holdMs(definition) < windowMs || leg.to.channel !== 'whatsapp') return [];
  const answered = answersOutside(leg);
  return [
    ...(answered ? [{ ...answered, hours: leg.silent.max, content: 'answer', language: null }] : []),
    ...messagesOf(leg).flatMap(({ action }) => {
      const { content, class: messageClass } = action.params as { content: string; class?: string };
      const hours = leg.silent.max + (messageClass === 'reply' || messageClass === 'safety' ? 0 : holdMs(definition));
      const missing = withoutTemplate(definition, content);
      const stand = stands.get(action);
      return hours < windowMs || missing === undefined || !stand ? [] : [{ ...stand, hours, content, language: missing }];
    }),
  ];
}

/** The longest that quiet hours hold back what is not a reply, milliseconds. */
function holdMs({ policies }: Definition): number {
  if (!policies?.quiet) return 0;
  const minutes = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
  const length = minutes(policies.quiet.to) - minutes(policies.quiet.from);
  return (length < 0 ? length + 1440 : length) * 60_000;
}

/** Which language of a content has no template: null for every one; undefined where none lacks it. */
function withoutTemplate({ content }: Definition, name: string): string | null | undefined {
  const wordings = Object.entries(content[name] ?? {});
  const missing = wordings.filter(([, wording]) => wording.template === undefined);
  if (missing.length === 0) return undefined;
  return missing.length === wordings.length ? null : (missing[0]?.[0] ?? null);
}

/** An answer from the documents is free text too. */
function answersOutside({ stimulus, from, silent }: Leg): { pointer: string; state: string } | null {
  if (silent.max < windowMs || !stimulus.event?.type.startsWith('xstate.done.actor.')) return null;
  const node = from?.snapshot._nodes.find((active: { invoke: { id: string; src: unknown }[] }) =>
    active.invoke.some(({ id, src }) => src === 'answer' && stimulus.event?.type === `xstate.done.actor.${id}`),
  );
  if (!node) return null;
  const path = node.path.slice(1) as string[];
  return { pointer: `/machine${path.map((name) => pointerTo('states', name)).join('')}/invoke`, state: path.join('.') };
}

/** Answers and buttons that were tried somewhere, and whether anything took them. */
function tried<Key>(legs: readonly Leg[], keyOf: (leg: Leg) => Key | null): Map<Key, { leg: Leg; isHeard: boolean }> {
  const results = new Map<Key, { leg: Leg; isHeard: boolean }>();
  for (const leg of legs) {
    const key = keyOf(leg);
    if (key === null) continue;
    const known = results.get(key);
    results.set(key, { leg: known?.leg ?? leg, isHeard: leg.outcome.handled || known?.isHeard === true });
  }
  return results;
}

/** Questions no answer of which leads anywhere, and single answers that nothing takes. */
function checkAnswers({ definition, legs, stands }: Explored): readonly Finding[] {
  const answers = tried(legs, ({ stimulus, from }) =>
    stimulus.event?.type === 'ANSWER' && !stimulus.isExample && from?.question
      ? `${stands.get(from.question.action as unknown as Action)?.pointer}\n${from.question.action.params.question}\n${stimulus.words}`
      : null,
  );
  const byQuestion = Map.groupBy([...answers], ([key]) => key.split('\n').slice(0, 2).join('\n'));
  return [...byQuestion].flatMap(([key, list]) => {
    const [pointer = '', question] = key.split('\n');
    const unheard = list.filter(([, { isHeard }]) => !isHeard);
    const transcript = unheard[0] ? shortestTranscript(definition, unheard[0][1].leg) : [];
    if (unheard.length === 0) return [];
    if (unheard.length === list.length) {
      return [
        {
          ...problem('answer-cannot-match', pointer, `No answer to "${question}" leads anywhere: look at the guards of "ANSWER"`),
          transcript,
        },
      ];
    }
    return unheard.map(([name, { leg }]) => {
      const words = name.split('\n')[2]?.replace('contact: ', '');
      const message = `Nothing happens when "${question}" is answered with "${words}"`;
      return { ...warning('unheard-answer', pointer, message), transcript: shortestTranscript(definition, leg) };
    });
  });
}

/** Buttons that nothing takes while they are new. */
function checkButtons({ definition, legs }: Explored): readonly Finding[] {
  const offered = legs.flatMap(({ to }) => (to.offer && to.offer.question === null && !to.over ? [{ ...to.offer }] : []));
  const pressed = tried(legs, ({ stimulus, from }) =>
    stimulus.event?.type === 'BUTTON' && from?.offer ? `${from.offer.content}\n${String(stimulus.event.id)}` : null,
  );
  const all = new Map(offered.flatMap(({ content, buttons }) => buttons.map(({ id, title }) => [`${content}\n${id}`, title] as const)));
  return [...all].flatMap(([key, title]) => {
    if (pressed.get(key)?.isHeard) return [];
    const [content = ''] = key.split('\n');
    const leg = pressed.get(key)?.leg ?? legs.find(({ to }) => to.offer?.content === content);
    const transcript = leg ? shortestTranscript(definition, leg) : [];
    return [
      { ...warning('unheard-button', pointerTo('content', content), `Nothing happens when the button "${title}" is pressed`), transcript },
    ];
  });
}

/** Promises of states that are never entered and content that is never said. */
function checkNever({ definition, legs }: Explored): readonly Finding[] {
  return (definition.promises ?? []).flatMap((promise, index) => {
    if (!('never' in promise) || promise.never.holds !== undefined) return [];
    const { state, says } = promise.never;
    const leg = legs.find(({ outcome }) => {
      const isThere = state === undefined || outcome.deeds.some((deed) => deed.kind === 'entered' && isIn(deed.path, state));
      const isSaid = says === undefined || outcome.deeds.some((deed) => deed.kind === 'did' && contentOf(deed.action) === says);
      return isThere && isSaid;
    });
    if (!leg) return [];
    const message = `The promise "${promise.id}" can be broken: ${says === undefined ? `"${state}" is reached` : `"${says}" is said`}`;
    return [{ ...problem('broken-promise', pointerTo('promises', index), message), transcript: shortestTranscript(definition, leg) }];
  });
}

const isIn = (path: string, state: string) => path === state || path.startsWith(`${state}.`);

function contentOf({ type, params }: Action): string | null {
  return type === 'say' || type === 'ask' ? params.content : null;
}

/** States that were not met before the exploration had to stop. */
function checkCovered({ legs, complete }: Explored, places: readonly Place[]): readonly Finding[] {
  if (complete) return [];
  const entered = new Set(legs.flatMap(({ outcome }) => outcome.deeds.flatMap((deed) => (deed.kind === 'entered' ? [deed.path] : []))));
  const missing = places.map(({ path }) => path.join('.')).filter((path) => path !== '' && !entered.has(path));
  const states =
    missing.length === 0 ? 'every state was met, but not every way between them' : `not met: ${missing.slice(0, 10).join(', ')}`;
  const more = missing.length > 10 ? ` and ${missing.length - 10} more` : '';
  return [warning('not-covered', '/machine', `The program is too large to be explored to its end: ${states}${more}`)];
}
