/** How words reach a program from outside its states: the entries people get in by, and the words that are valid everywhere. */
import type { Definition, Entry } from './definition.ts';
import { fold, primary } from './spoken-words.ts';

/** What somebody came with. `link` is the parameter of a link, an empty one where there was none. */
export interface Arrival {
  text: string;
  /** Whether it is the contact's first message ever. */
  isFirst: boolean;
  link?: string;
}

/**
 * The entry of the program that an arrival matches: a link, else a keyword, else the first message; the higher priority first, then the
 * order of the definition. Keywords are compared without case, accents and punctuation. Entries `on: "api"` and `on: "program"` match no arrival.
 */
export function matchEntry(definition: Definition, arrival: Arrival): Entry | null {
  const entries = definition.entry ?? [];
  const said = entries.some((entry) => 'keywords' in entry) ? comparable(arrival.text) : '';
  const ranked = entries
    .map((entry) => ({ entry, rank: rankOf(entry, arrival, said), priority: entry.priority ?? 0 }))
    .filter(({ rank }) => rank > 0)
    .sort((left, right) => right.priority - left.priority || right.rank - left.rank);
  return ranked[0]?.entry ?? null;
}

/** 3 for a link, 2 for a keyword, 1 for a first message, 0 for no match. */
function rankOf(entry: Entry, { isFirst, link = '' }: Arrival, said: string): number {
  if ('keywords' in entry) return comparables(entry.keywords).some((keyword) => matches(keyword, said, entry.match ?? 'only-word')) ? 2 : 0;
  if (entry.on === 'link') return entry.link === link ? 3 : 0;
  return entry.on === 'first-message' && isFirst ? 1 : 0;
}

/** Words without case, accents and punctuation; signs alone (an emoji) stay as they are. */
function comparable(text: string): string {
  return fold(text.slice(0, 4096)) || text.trim();
}

const known = new WeakMap<readonly string[], readonly string[]>();

/** The words of a definition, made comparable once. */
function comparables(words: readonly string[]): readonly string[] {
  const made = known.get(words) ?? words.map(comparable);
  known.set(words, made);
  return made;
}

/** Both comparable. */
function matches(wanted: string, said: string, match: 'only-word' | 'first-word' | 'contains'): boolean {
  if (match === 'only-word') return said === wanted;
  return match === 'first-word' ? `${said} `.startsWith(`${wanted} `) : ` ${said} `.includes(` ${wanted} `);
}

/** What a word that is valid everywhere asks for. */
export type GlobalWord = 'optOut' | 'optIn' | 'restart' | 'human' | 'help';

/** Words by language, folded. Opting out and in is understood in every language, whatever the contact's is. */
const globalWords: Readonly<Record<GlobalWord, Readonly<Record<string, readonly string[]>>>> = {
  optOut: {
    en: ['stop', 'stop all', 'stopall', 'unsubscribe', 'opt out', 'optout', 'quit'],
    es: ['baja', 'darme de baja', 'parar', 'alto'],
    pt: ['sair', 'parar', 'descadastrar', 'cancelar inscricao'],
    fr: ['arret', 'arreter', 'desabonner', 'me desabonner'],
    de: ['stopp', 'abmelden', 'abbestellen', 'austragen'],
    it: ['ferma', 'disiscrivimi'],
  },
  optIn: {
    en: ['start', 'unstop', 'subscribe', 'opt in', 'optin'],
    es: ['alta', 'darme de alta'],
    pt: ['voltar', 'inscrever'],
    fr: ['reprendre', 'abonner'],
    de: ['anmelden', 'abonnieren'],
    it: ['iscrivimi'],
  },
  restart: {
    en: ['restart', 'start over', 'start again'],
    es: ['reiniciar', 'empezar de nuevo'],
    pt: ['reiniciar', 'recomecar', 'comecar de novo'],
    fr: ['recommencer', 'redemarrer'],
    de: ['neustart', 'von vorne', 'neu starten'],
    it: ['ricomincia'],
  },
  human: {
    en: ['human', 'agent', 'person', 'talk to a human', 'talk to a person', 'speak to a person', 'real person'],
    es: ['humano', 'agente', 'persona', 'hablar con una persona'],
    pt: ['humano', 'atendente', 'pessoa', 'falar com uma pessoa'],
    fr: ['humain', 'conseiller', 'parler a une personne'],
    de: ['mensch', 'mitarbeiter', 'mit einem menschen sprechen'],
    it: ['umano', 'operatore'],
  },
  help: { en: ['help'], es: ['ayuda'], pt: ['ajuda'], fr: ['aide'], de: ['hilfe'], it: ['aiuto'] },
};

/** Whether a text holds one of the words by which the program tells that somebody is in need. */
export function isCrisis(definition: Definition | null, text: string): boolean {
  const words = definition?.global?.crisis?.words;
  if (!words) return false;
  const said = comparable(text);
  return comparables(words).some((word) => matches(word, said, 'contains'));
}

const everywhere: ReadonlySet<GlobalWord> = new Set(['optOut', 'optIn']);

/** The words a program adds to those of its languages, and what they ask for; by the contact's language. */
type WordTables = Map<string, ReadonlyMap<string, GlobalWord>>;
const withoutProgram: WordTables = new Map();
const tables = new WeakMap<Definition, WordTables>();

/** Of one word that stands for two the first in the order of the table. */
function tableOf(definition: Definition | null, language: string): ReadonlyMap<string, GlobalWord> {
  const byLanguage = definition === null ? withoutProgram : (tables.get(definition) ?? new Map());
  if (definition !== null) tables.set(definition, byLanguage);
  const table = byLanguage.get(language) ?? makeTable(definition, language);
  byLanguage.set(language, table);
  return table;
}

function makeTable(definition: Definition | null, language: string): ReadonlyMap<string, GlobalWord> {
  const languages = new Set(['en', language, ...(definition?.meta.languages ?? []).map(primary)]);
  const table = new Map<string, GlobalWord>();
  for (const word of Object.keys(globalWords) as GlobalWord[]) {
    const ofLanguages = Object.entries(globalWords[word]).filter(([key]) => everywhere.has(word) || languages.has(key));
    const own = definition?.global?.[word]?.words ?? [];
    for (const one of [...ofLanguages.flatMap(([, words]) => words), ...own.map(comparable)]) if (!table.has(one)) table.set(one, word);
  }
  return table;
}

/**
 * What a text asks for if the whole of it is a word that is valid everywhere: the default words of the contact's language, of the
 * program's languages and of English, and the program's own words.
 *
 * @param definition null while no program runs · @param language BCP 47, null while unknown
 */
export function matchGlobal(definition: Definition | null, text: string, language: string | null): GlobalWord | null {
  if (text.length > 200) return null;
  const spoken = language === null ? 'en' : primary(language);
  // Languages without words of their own share the table of English.
  return tableOf(definition, Object.hasOwn(globalWords.optOut, spoken) ? spoken : 'en').get(comparable(text)) ?? null;
}
