/** What a program can see while it steps: the contact, its variables, the conversation and the time. Plain JSON throughout. */
import type { ContactId } from '../ids.ts';

/** Any JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Points, badges and streaks of a contact: the running result of the fold over recorded turns. */
export interface Progress {
  points: number;
  badges: readonly string[];
  /** Milestone name → ISO 8601 instant at which it was first reached. */
  milestones: Readonly<Record<string, string>>;
  /** Days in a row on which the streak's event happened; `day` is the last such local date, YYYY-MM-DD. */
  streak: { count: number; day: string | null };
  /** Salt of a trial → the bucket the contact was drawn into, for good. */
  buckets?: Readonly<Record<string, string>>;
  /** `<program>:<rule>` → when a points rule last paid and how often, by local date YYYY-MM-DD. */
  paid?: Readonly<Record<string, { day: string; count: number }>>;
  /** Program → hash of the rules by which the rest was counted. */
  rules?: Readonly<Record<string, string>>;
}

/** An end user as programs see them. `zone` (IANA) and `language` (BCP 47) are null until known. */
export interface Contact {
  id: ContactId;
  name: string;
  zone: string | null;
  language: string | null;
  /** Values of the declared fields: dates YYYY-MM-DD, times HH:MM, datetimes ISO 8601. */
  fields: Readonly<Record<string, Json>>;
  tags: readonly string[];
  /** Consent kind → granted. `messages` false is an opt-out of everything but replies and safety. */
  consent: Readonly<Record<string, boolean>>;
  progress: Progress;
}

/** Facts of the conversation that guards and templates may use. */
export interface ConversationFacts {
  channel: string;
  /** Milliseconds since 1970 of the contact's last message, null before the first. */
  lastInboundAt: number | null;
  /** How often the open or last question was answered invalidly. */
  tries: number;
  /** What draws by chance begin from: the same for every try of one input, another for the next. Left out, every draw is the same. */
  chance?: string;
}

/** The context of a compiled machine while it steps. Only `vars` is kept between steps; the rest is put in fresh each time. */
export interface Scope {
  /** Conversation time, milliseconds since 1970. */
  now: number;
  contact: Contact;
  vars: Readonly<Record<string, Json>>;
  conversation: ConversationFacts;
}

/** A contact nobody knows anything about yet. */
export function newContact(id: ContactId): Contact {
  return {
    id,
    name: '',
    zone: null,
    language: null,
    fields: {},
    tags: [],
    consent: {},
    progress: { points: 0, badges: [], milestones: {}, streak: { count: 0, day: null } },
  };
}
