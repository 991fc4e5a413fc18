/** The control for the open question above the composer: a date, a scale, faces, a recorder. Writing freely stays possible beside it. */
import type { AskedInput } from '../../src/message.ts';
import { type Capturing, fileControl, placeControl, voiceControl } from './capture.ts';
import { button, el, icon, icons } from './dom.ts';
import { acceptedFiles } from './files.ts';
import { fieldsOf, listOf, textOf } from './protocol.ts';
import type { Questions } from './questions.ts';
import { locale } from './times.ts';

/** One question being asked. */
interface Asked extends Capturing {
  input: AskedInput;
  language: string;
}

/** What shows the controls in `element`. `answer` sends as if the person had written it. */
export function createAsking(element: HTMLElement, on: Pick<Capturing, 'answer' | 'attach'>): Questions['show'] {
  let shown = '';
  let leaving = new AbortController();

  return (message, words, language) => {
    const input = message?.input;
    const key = input === undefined ? '' : `${message?.seq} ${language}`;
    if (key === shown) return;
    shown = key;
    leaving.abort();
    leaving = new AbortController();
    const make = input !== undefined && Object.hasOwn(controls, input.type) ? controls[input.type] : undefined;
    const { signal } = leaving;
    const parts = make && input ? make({ input, words, language, label: message?.text ?? '', signal, ...on }) : [];
    element.replaceChildren(...parts);
    element.hidden = parts.length === 0;
  };
}

type Control = (asked: Asked) => HTMLElement[];

const controls: Readonly<Record<string, Control>> = {
  date: (asked) => [field(asked, { type: 'date' })],
  time: (asked) => [field(asked, { type: 'time' })],
  datetime: (asked) => [field(asked, { type: 'datetime-local' })],
  email: (asked) => [field(asked, { type: 'email', autocomplete: 'email', placeholder: 'name@example.com' })],
  phone: (asked) => [field(asked, { type: 'tel', autocomplete: 'tel' })],
  number: (asked) => [field(asked, { type: 'number', inputmode: 'decimal', step: asked.input.integer === true ? '1' : 'any' })],
  yesNo,
  consent: yesNo,
  mood: ({ words, label, answer }) => {
    const names = words.moods.split('|');
    const titles = ['😢', '🙁', '😐', '🙂', '😀'].map((face, index) => `${face} ${names[index]}`);
    // A face is two UTF-16 units long.
    const group = chips(label, titles, answer, (title) => [el('b', {}, title.slice(0, 2)), title.slice(2)]);
    group.classList.add('mood');
    return [group];
  },
  scale: (asked) => {
    const { min, max } = asked.input;
    const isShort = typeof min === 'number' && typeof max === 'number' && max - min <= 10;
    return isShort ? scale(asked, min, max) : [field(asked, { type: 'number', inputmode: 'numeric', step: '1' })];
  },
  choices: (asked) => several(asked),
  file: (asked) => [fileControl(asked, acceptedFiles, asked.words.file)],
  image: (asked) => [fileControl(asked, 'image/*', asked.words.picture)],
  voice: (asked) => [voiceControl(asked)],
  location: (asked) => [placeControl(asked)],
};

/** A thumb is understood in every language. */
function yesNo({ words, label, answer }: Asked): HTMLElement[] {
  return [chips(label, [`👍 ${words.yes}`, `👎 ${words.no}`], answer)];
}

/** A field of the browser's own, with a button to answer with it. */
function field({ input, label, language, words, answer }: Asked, attributes: Record<string, string>): HTMLElement {
  const bounds = Object.fromEntries(
    ['min', 'max'].flatMap((name) => (typeof input[name] === 'number' ? [[name, String(input[name])]] : [])),
  );
  const control = el('input', { ...attributes, ...bounds, 'aria-label': label, required: '' });
  const ok = el('button', { type: 'submit', class: 'send', 'aria-label': `${words.send}: ${label}` }, icon(icons.send));
  const form = el('form', {}, control, ...(textOf(input.unit) === '' ? [] : [el('span', {}, textOf(input.unit))]), ok);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    answer(attributes.type === 'number' ? numberWords(control.valueAsNumber, language) : control.value);
  });
  return form;
}

/** The number as it is written in the language, so that a comma is not taken for a thousand. */
function numberWords(number: number, language: string): string {
  return new Intl.NumberFormat(locale(language), { useGrouping: false, maximumFractionDigits: 9, numberingSystem: 'latn' }).format(number);
}

function chips(
  label: string,
  titles: readonly string[],
  answer: (text: string) => void,
  parts: (title: string) => (Node | string)[] = (title) => [title],
): HTMLElement {
  const group = el('div', { class: 'offer', role: 'group', 'aria-label': label });
  for (const title of titles) group.append(button({ class: 'choice' }, () => answer(title), ...parts(title)));
  return group;
}

/** The steps in a row. What they mean stands in them where each has a meaning, else below, where there is room for words. */
function scale({ input, label, answer }: Asked, min: number, max: number): HTMLElement[] {
  const numbers = Array.from({ length: max - min + 1 }, (_, index) => String(min + index));
  const labels = fieldsOf(input.labels);
  const told = numbers.flatMap((number, index) => (textOf(labels[number]) === '' ? [] : [index]));
  const group = chips(label, numbers, answer);
  group.classList.add('scale');
  const meanings = numbers.map((number) => el('small', { dir: 'auto' }, textOf(labels[number])));
  const isEven = told.length > 1 && told.every((index, at) => index * (told.length - 1) === at * (max - min));
  if (numbers.length > 6 || (isEven && told.length < numbers.length)) {
    const shown = isEven ? told : [0, max - min];
    return [group, el('div', { class: 'ends' }, ...meanings.filter((_, index) => shown.includes(index)))];
  }
  for (const [index, meaning] of meanings.entries()) group.children[index]?.append(meaning);
  return [group];
}

/** Several of the options at once. */
function several({ input, label, words, answer }: Asked): HTMLElement[] {
  const options = listOf(input.options).map((option) => {
    const { id, title } = fieldsOf(option);
    return { id: textOf(id), title: textOf(title) };
  });
  const chosen = new Set<string>();
  const least = typeof input.min === 'number' ? input.min : 1;
  const most = typeof input.max === 'number' ? input.max : options.length;
  const ok = button(
    { class: 'send', 'aria-label': `${words.send}: ${label}` },
    () => {
      const titles = options.filter(({ id }) => chosen.has(id)).map(({ title }) => title);
      answer(titles.join(', '));
    },
    icon(icons.send),
  );
  const group = el('div', { class: 'offer', role: 'group', 'aria-label': label });
  const refresh = () => {
    ok.disabled = chosen.size < least || chosen.size > most;
  };
  for (const { id, title } of options) {
    const choice = button({ class: 'choice', dir: 'auto', 'aria-pressed': 'false' }, () => {
      if (!chosen.delete(id)) chosen.add(id);
      choice.classList.toggle('chosen', chosen.has(id));
      choice.setAttribute('aria-pressed', String(chosen.has(id)));
      refresh();
    });
    choice.append(title);
    group.append(choice);
  }
  refresh();
  return [group, ok];
}
