/** The page `docs/programs.md`: the vocabulary of programs, written from the tables that schema, compiler and checks are made from. */

import { toJsonSchema } from '@valibot/to-json-schema';
import { type GenericSchema, is } from 'valibot';
import { actions, guards, invokes } from '../src/programs/vocabulary.ts';

/** Where the page is. */
export const programsPath = 'docs/programs.md';

interface Shape {
  properties?: Record<string, unknown>;
  required?: string[];
  additionalProperties?: unknown;
}

/** The names of parameters, those that may be left out with a `?`. */
function parameters(schema: GenericSchema): string {
  const { properties, required = [] } = toJsonSchema(schema, { errorMode: 'ignore', typeMode: 'input' }) as Shape;
  if (properties === undefined) return is(schema, {}) ? '`name: expression`' : '';
  return Object.keys(properties)
    .map((name) => `\`${name}${required.includes(name) ? '' : '?'}\``)
    .join(' ');
}

function table(head: string, entries: Readonly<Record<string, { does: string; schema: GenericSchema }>>): string[] {
  const rows = Object.entries(entries).map(
    ([name, { does, schema }]) => `| \`${name}\` | ${parameters(schema)} | ${does.replaceAll('|', '\\|')} |`,
  );
  return [`| ${head} | parameters | what it does |`, '| --- | --- | --- |', ...rows];
}

const mapped = <Entry extends { does: string }>(entries: Readonly<Record<string, Entry>>, schemaOf: (entry: Entry) => unknown) =>
  Object.fromEntries(
    Object.entries(entries).map(([name, entry]) => [name, { does: entry.does, schema: schemaOf(entry) as GenericSchema }]),
  );

/** The whole page. */
export function programsPage(): string {
  return [
    '# The vocabulary of programs',
    '',
    'Written by `npm run docs` from `src/programs/vocabulary.ts`; do not edit. The JSON Schema of a whole definition is served',
    'beside the programs themselves. A machine is an XState v5 machine in JSON with these names in it;',
    '`GET /api/v1/creators/programs/{id}/machine` gives it in the form that XState tools open.',
    '',
    '## Events',
    '',
    '`MESSAGE {text, attachments, language}` · `ANSWER {question, value}` and `INVALID {question, tries}` · `BUTTON {id, title}` · `after` delays ·',
    '`CALENDAR.<id>` · `EVENT.<name> {data}` · `MILESTONE.<id>` (with `*` for every one of a kind) · `onDone` and `onError` of invokes. `EVENT.person-answered {text, question?}`',
    'answers an open `person` invoke and `EVENT.contact-changed` says that a member edited the contact.',
    '',
    '## Actions',
    '',
    ...table(
      'action',
      mapped<{ does: string; params: unknown }>(actions, ({ params }) => params),
    ),
    '',
    '## Guards',
    '',
    'Each may stand in trees of `all`, `any` (`guards`) and `not` (`guard`).',
    '',
    ...table(
      'guard',
      mapped<{ does: string; params: unknown }>(guards, ({ params }) => params),
    ),
    '',
    '## Invokes',
    '',
    'Each needs `onDone`, `onError` and a time limit. What a model proposes is held against the declared labels and types; the rest is an error.',
    '',
    'Secrets are kept by `PUT /api/v1/creators/secrets/{name}` with the one `host` they go to, the `header` and its whole `value`; nobody reads them again. At the address in',
    '`companero-callback` the service sends a JSON object, which becomes `event.data`; it counts once and is good for 30 days.',
    '',
    ...table(
      'invoke',
      mapped<{ does: string; input: unknown }>(invokes, ({ input }) => input),
    ),
    '',
    '## Fields',
    '',
    'A field of the contact has a `type` and may have `title`, `options` (of an `enum`), `pii` and `retention`: a value that has not changed for so long',
    '(`P90D`) is forgotten by a daily round. The creator may choose less for all programs.',
    '',
    '## Expressions',
    '',
    'CEL over `contact` (its fields, `name`, `zone`, `language`, `tags`, `points`, `streak`, `badges`, `known`: the fields that have a value), `vars`,',
    '`event` (`type`, `id`, `title`, `text`, `language`, `attachments` with `id`, `kind`, `type`, `name`, `question`, `value`, `tries`, `data`, `output`),',
    '`now` in the zone of the contact (`date`, `time`, `year` … `minute`, `weekday` from 1, Monday), `program` (`id`, `title`, `level`: the id of the level that the',
    'points reach) and `conversation` (`channel`, `tries`, `hoursSilent`). At most 2,000 characters, 200 nodes and two list macros; no regular expressions.',
    'In texts `{{ expression }}` and `{{ expression | fallback }}` are filled in once; what comes out is never read again.',
    '',
    '## Delays',
    '',
    '`{"for": "P1DT2H"}` · `{"until": {"time": "09:00" or a place, "plus"?, "weekdays"?}}` · `{"field": "startDate", "plus"?, "time"?}` ·',
    '`{"between": ["PT1H", "PT3H"]}`, drawn once. Each may carry `late: {"after", "do": "send|skip|fold"}`: what could only go out so long after',
    'its moment is sent all the same, left out, or gathered for a minute and sent as one message. `class` is that of what is said by it. `jitter` spreads it',
    'among contacts, also at the end of quiet hours and when the server comes back after having been off for longer. `until` and `field` go by the zone and the fields as they are: a changed one',
    'moves what is armed, and a moment of every day that has passed thereby gives way to the next. `whileHuman` (`pause`, `keep`, `drop`) says what a person in control does to it;',
    'one that pauses has as much time left afterwards, but `until` and `field` go by the clock again. What waits for the program to have control again stands in',
    '`waiting_timers` of `GET /conversations/{id}`. A takeover calls off what the documents were asked, also by a state; a pause asks again when it ends.',
    'What a state asks them or arms meanwhile waits by the same rules.',
    'While it is paused nothing is said but what is `safety`: that a person is called, that no more messages come.',
    '',
    '## Entries and words that are valid everywhere',
    '',
    '`entry`: `keywords` (`match`: `only-word`, `first-word`, `contains`), or `on`: `first-message`, `link` (its name stands in `link`, which must be there), `api`, `program` (another program starts it), each with `priority` and',
    '`reentry` (`never`, `after-end`, `always`). `global` adds words of its own to those that are understood everywhere: `optOut`, `optIn`, `restart`, `human`, `help` (with a',
    '`content`) and `crisis`. Whoever calls a person, the webhook event `handoff` says why.',
    '',
    '## Calendar',
    '',
    'A point counts from `field` or `milestone` with `offset` (`P7D`, `-P1D`), or recurs by `rrule` (RFC 5545: `FREQ`, `INTERVAL`, `COUNT`, `UNTIL`,',
    '`BYDAY`, `BYMONTHDAY`, `BYMONTH`, `BYSETPOS`, `WKST`) from `start`, else from the day the run began. `localTime` is 09:00 unless told, `weekdays`',
    'moves a relative point on to the next of these days and leaves out the others of a rule, `late` drops a moment found later than that. `mode`:',
    '`interrupt` closes an open question, `skip` gives way to somebody in the middle of something, `passive` leaves a question open.',
    '',
    '## Progress',
    '',
    '`points` pay when a state is entered (`atMost` so often a `day` or `ever`), `streak` counts days in a row (`period` `P1D`), weeks from Monday',
    '(`P1W`) or months (`P1M`), of which `grace` may be missed, `milestones` are reached by a',
    '`state`, so many `points` or a `streak`, `levels` begin at points. All of it is counted from what turns recorded: under new rules it is counted',
    'again, and `GET /api/v1/creators/contacts/{id}/progress?explain=true` tells every line of the account.',
    '',
  ].join('\n');
}
