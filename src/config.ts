/** The configuration: every environment variable, what it means, and one pure function that reads them all. */
import * as v from 'valibot';
import { AppError } from './errors.ts';
import type { LogLevel } from './log.ts';

/** One environment variable. The text of `schema`'s issues completes the sentence "NAME …". */
interface Variable {
  /** One line for the reference page. */
  meaning: string;
  /** The text that stands for an absent or empty variable; null where absence has a meaning of its own. */
  fallback: string | null;
  /** What absence means, where `fallback` cannot say it. */
  absent?: string;
  schema: v.GenericSchema<string, unknown>;
}

const wholeNumber = (least: number, most: number) =>
  v.pipe(
    v.string(),
    v.regex(/^\d{1,15}$/, `must be a whole number from ${least} to ${most}`),
    v.transform(Number),
    v.minValue(least, `must be at least ${least}`),
    v.maxValue(most, `must be at most ${most}`),
  );

const url = (...schemes: string[]) =>
  v.pipe(
    v.string(),
    v.maxLength(2_000, 'must be at most 2000 characters long'),
    v.check(
      (text) => URL.canParse(text) && schemes.includes(new URL(text).protocol),
      `must be a URL that starts with ${schemes.join('// or ')}//`,
    ),
  );

const keyOf32Bytes = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9+/_-]{43}=?$/, 'must be 32 bytes in base64'),
  v.transform((text) => new Uint8Array(Buffer.from(text, 'base64'))),
);
const withoutTrailingSlash = v.transform<string, string>((text) => text.replace(/\/+$/, ''));

const yesNo = v.pipe(
  v.picklist(['true', 'false'], 'must be true or false'),
  v.transform((text) => text === 'true'),
);

const name = v.pipe(v.string(), v.maxLength(200, 'must be at most 200 characters long'));

/** Every variable the server reads, in the order of the reference page. `docs/configuration.md` is generated from this table. */
export const variables = {
  HOST: { meaning: 'Address to listen on; `0.0.0.0` means every interface', fallback: '127.0.0.1', schema: name },
  PORT: { meaning: 'Port to listen on; `0` takes a free one and prints it', fallback: '3000', schema: wholeNumber(0, 65_535) },
  DATA_DIR: {
    meaning: 'Folder of everything kept on disk: the embedded database, uploaded documents, the embedded keys',
    fallback: '.data',
    schema: name,
  },
  DATABASE_URL: {
    meaning: 'PostgreSQL 15 or newer with pgvector',
    fallback: null,
    absent: 'an embedded PGlite in the data folder',
    schema: url('postgres:', 'postgresql:'),
  },
  REDIS_URL: {
    meaning: 'Redis 7 or newer; makes several nodes one system',
    fallback: null,
    absent: 'state shared within this process only',
    schema: url('redis:', 'rediss:'),
  },
  OLLAMA_URL: {
    meaning: 'Ollama, for embeddings and written answers',
    fallback: null,
    absent: 'answers are quoted from the documents, found by their words',
    schema: v.pipe(url('http:', 'https:'), withoutTrailingSlash),
  },
  CHROMA_URL: {
    meaning: 'Chroma 1.0 or newer, for vectors; used together with `OLLAMA_URL`',
    fallback: null,
    absent: 'vectors are kept in the database, where it has pgvector',
    schema: v.pipe(url('http:', 'https:'), withoutTrailingSlash),
  },
  OLLAMA_CHAT_MODEL: { meaning: 'Model that writes answers', fallback: 'llama3.2', schema: name },
  OLLAMA_EMBED_MODEL: { meaning: 'Model that embeds documents and questions', fallback: 'nomic-embed-text', schema: name },
  OLLAMA_REEMBED: {
    meaning: 'Whether documents are embedded anew by themselves when that model has changed; else each workspace is offered it',
    fallback: 'false',
    schema: yesNo,
  },
  TRANSCRIBE_URL: {
    meaning: 'Server that puts voice notes into words by `POST /v1/audio/transcriptions`, as whisper.cpp, Speaches and LocalAI do',
    fallback: null,
    absent: 'voice notes stay recordings without words',
    schema: v.pipe(url('http:', 'https:'), withoutTrailingSlash),
  },
  TRANSCRIBE_MODEL: { meaning: 'Model that is asked of it', fallback: 'whisper-1', schema: name },
  TRANSCRIBE_API_KEY: { meaning: 'Key that is sent to it as a bearer token', fallback: null, absent: 'none', schema: name },
  TRANSCRIBE_SECONDS: {
    meaning: 'Seconds a voice note may take to be put into words; then it is taken without, and what was written after it as well',
    fallback: '30',
    schema: wholeNumber(1, 100),
  },
  MASTER_KEY: {
    meaning: 'The key that seals every other secret: 32 random bytes in base64 (`openssl rand -base64 32`). Required with `DATABASE_URL`',
    fallback: null,
    absent: 'made on first start and kept in the data folder, readable by its owner only',
    schema: keyOf32Bytes,
  },
  MASTER_KEY_BEFORE: {
    meaning: 'The master key before, while `npm run admin -- secrets reseal` seals everything anew with `MASTER_KEY`',
    fallback: null,
    absent: 'what an earlier key sealed cannot be opened',
    schema: keyOf32Bytes,
  },
  PUBLIC_URL: {
    meaning: 'Address under which browsers reach the server',
    fallback: null,
    absent: '`http://localhost:PORT`',
    schema: v.pipe(url('http:', 'https:'), withoutTrailingSlash),
  },
  SMTP_URL: {
    meaning: 'Mail server, `smtp://user:password@host:port` or `smtps://…`: confirmations, invitations and new passwords go by mail',
    fallback: null,
    absent: 'no mail: registering signs in at once, invitations are handed over by hand, a forgotten password cannot be replaced',
    schema: url('smtp:', 'smtps:'),
  },
  MAIL_FROM: { meaning: 'Sender of mails', fallback: 'Compañero <no-reply@localhost>', schema: name },
  OUTBOUND_ALLOW: {
    meaning:
      'Origins that webhooks may reach although they are private, without TLS or on another port, separated by commas, such as `http://10.0.0.7:8080`',
    fallback: '',
    absent: 'public addresses over https on port 443 only',
    schema: v.pipe(
      v.string(),
      v.transform((text) =>
        text
          .split(',')
          .map((part) => part.trim())
          .filter((part) => part !== ''),
      ),
      v.everyItem(
        (part) => URL.canParse(part) && new URL(part).origin === part,
        'must be origins such as https://hooks.example:8443, separated by commas',
      ),
    ),
  },
  WHATSAPP_URL: {
    meaning: 'Graph API of WhatsApp; another address serves a stand-in',
    fallback: 'https://graph.facebook.com',
    schema: v.pipe(url('http:', 'https:'), withoutTrailingSlash),
  },
  WHATSAPP_VERSION: {
    meaning: 'Version of the Graph API, where a connection names none',
    fallback: 'v26.0',
    schema: v.pipe(v.string(), v.regex(/^v\d{1,3}\.\d$/, 'must be a version such as v26.0')),
  },
  TELEGRAM_URL: {
    meaning: 'Bot API of Telegram; another address serves a stand-in',
    fallback: 'https://api.telegram.org',
    schema: v.pipe(url('http:', 'https:'), withoutTrailingSlash),
  },
  TRUSTED_PROXY_HOPS: {
    meaning: 'Number of proxies in front whose `X-Forwarded-For` entry is believed when requests are limited by address',
    fallback: '0',
    schema: wholeNumber(0, 10),
  },
  LOG_LEVEL: {
    meaning: 'Least level that is logged: `debug`, `info`, `warn`, `error`, `silent`',
    fallback: 'info',
    schema: v.picklist(['debug', 'info', 'warn', 'error', 'silent'], 'must be debug, info, warn, error or silent'),
  },
  CLOCK_RATE: {
    meaning: 'How many times faster than the wall clock conversations live, to try a week in minutes. Not with `DATABASE_URL`',
    fallback: '1',
    schema: wholeNumber(1, 100_000),
  },
  UPLOAD_MAX_BYTES: {
    meaning: 'Largest document that may be uploaded, in bytes',
    fallback: String(25 * 1024 * 1024),
    schema: wholeNumber(1_024, 1_073_741_824),
  },
  WIDGET_FRAMES_PER_SECOND: {
    meaning: 'Frames that one widget socket may send each second for ever; ten times as many at once',
    fallback: '3',
    schema: wholeNumber(1, 10_000),
  },
  HOT_CONVERSATIONS: {
    meaning: 'Conversations that stay in memory while people talk in them, about 5 kB each; 0 restores each from the record on every turn',
    fallback: '5000',
    schema: wholeNumber(0, 1_000_000),
  },
  DEMO: {
    meaning: 'Whether an empty embedded database receives a demo creator with a program and a document',
    fallback: null,
    absent: '`true` with the embedded database, `false` with `DATABASE_URL`',
    schema: yesNo,
  },
} as const satisfies Record<string, Variable>;

type Name = keyof typeof variables;
type Value<N extends Name> = v.InferOutput<(typeof variables)[N]['schema']>;

/** The configuration as the server uses it. `null` means: the embedded part. */
export interface Config {
  readonly host: string;
  readonly port: number;
  readonly dataDir: string;
  readonly databaseUrl: string | null;
  readonly redisUrl: string | null;
  readonly ollama: { readonly url: string; readonly chatModel: string; readonly embedModel: string; readonly reembed: boolean } | null;
  readonly chromaUrl: string | null;
  /** Null means that nobody puts voice notes into words. */
  readonly transcribe: { readonly url: string; readonly model: string; readonly apiKey: string | null; readonly withinMs: number } | null;
  /** 32 bytes; null means the one in the data folder. */
  readonly masterKey: Uint8Array | null;
  /** 32 bytes; null when the master key has not changed. */
  readonly masterKeyBefore: Uint8Array | null;
  /** Without a trailing slash; null means the address that was bound. */
  readonly publicUrl: string | null;
  /** Null means that no mail can be sent. */
  readonly smtp: { readonly url: string; readonly from: string } | null;
  /** Origins that creators' addresses may name although they are not public. */
  readonly outboundAllow: readonly string[];
  readonly whatsapp: { readonly url: string; readonly version: string };
  readonly telegram: { readonly url: string };
  readonly trustedProxyHops: number;
  readonly logLevel: LogLevel;
  readonly clockRate: number;
  readonly uploadMaxBytes: number;
  readonly widgetFramesPerSecond: number;
  readonly hotConversations: number;
  /** Whether to fill an empty embedded database with the demo. */
  readonly demo: boolean;
}

/** Environment variables by name, as the runtime gives them. */
export type Environment = Readonly<Record<string, string | undefined>>;

const secrets: ReadonlySet<Name> = new Set([
  'MASTER_KEY',
  'MASTER_KEY_BEFORE',
  'DATABASE_URL',
  'REDIS_URL',
  'SMTP_URL',
  'TRANSCRIBE_API_KEY',
]);

/**
 * Reads the configuration from the environment. An empty variable counts as absent; a variable it does not know is ignored.
 *
 * @throws AppError INVALID_INPUT with every fault at once, one a line, each naming its variable; values of secrets are not repeated
 */
export function loadConfig(environment: Environment): Config {
  const faults: string[] = [];
  const read = <N extends Name>(variable: N): Value<N> | null => {
    const { fallback, schema }: Variable = variables[variable];
    const text = environment[variable] || fallback;
    if (text === null) return null;
    const result = v.safeParse(schema, text, { abortEarly: true });
    if (result.success) return result.output as Value<N>;
    faults.push(`${variable} ${result.issues[0].message}${secrets.has(variable) ? '' : `, not "${text.slice(0, 100)}"`}`);
    return null;
  };
  const values = Object.fromEntries((Object.keys(variables) as Name[]).map((variable) => [variable, read(variable)])) as {
    [N in Name]: Value<N>;
  };
  if (environment.DATABASE_URL) faults.push(...faultsWithServer(environment));
  if (faults.length > 0) throw new AppError('INVALID_INPUT', ['Cannot start with these environment variables:', ...faults].join('\n  '));
  return Object.freeze(toConfig(values));
}

/** What a database server rules out. */
function faultsWithServer(environment: Environment): string[] {
  const faults: string[] = [];
  if (!environment.MASTER_KEY) faults.push('MASTER_KEY must be set together with DATABASE_URL: every node seals with the same key');
  if (environment.CLOCK_RATE && environment.CLOCK_RATE !== '1') {
    faults.push('CLOCK_RATE must stay 1 together with DATABASE_URL: every node must agree on the time');
  }
  if (environment.DEMO === 'true') faults.push('DEMO must not be true together with DATABASE_URL: the demo is for the embedded database');
  return faults;
}

function toConfig(values: { [N in Name]: Value<N> }): Config {
  const given = <N extends Name>(variable: N): Value<N> | null => values[variable] ?? null;
  return {
    host: values.HOST,
    port: values.PORT,
    dataDir: values.DATA_DIR,
    databaseUrl: given('DATABASE_URL'),
    redisUrl: given('REDIS_URL'),
    ollama:
      given('OLLAMA_URL') === null
        ? null
        : {
            url: values.OLLAMA_URL,
            chatModel: values.OLLAMA_CHAT_MODEL,
            embedModel: values.OLLAMA_EMBED_MODEL,
            reembed: values.OLLAMA_REEMBED,
          },
    chromaUrl: given('CHROMA_URL'),
    transcribe:
      given('TRANSCRIBE_URL') === null
        ? null
        : {
            url: values.TRANSCRIBE_URL,
            model: values.TRANSCRIBE_MODEL,
            apiKey: given('TRANSCRIBE_API_KEY'),
            withinMs: values.TRANSCRIBE_SECONDS * 1_000,
          },
    masterKey: given('MASTER_KEY'),
    masterKeyBefore: given('MASTER_KEY_BEFORE'),
    publicUrl: given('PUBLIC_URL'),
    smtp: given('SMTP_URL') === null ? null : { url: values.SMTP_URL, from: values.MAIL_FROM },
    outboundAllow: values.OUTBOUND_ALLOW ?? [],
    whatsapp: { url: values.WHATSAPP_URL, version: values.WHATSAPP_VERSION },
    telegram: { url: values.TELEGRAM_URL },
    trustedProxyHops: values.TRUSTED_PROXY_HOPS,
    logLevel: values.LOG_LEVEL,
    clockRate: values.CLOCK_RATE,
    uploadMaxBytes: values.UPLOAD_MAX_BYTES,
    widgetFramesPerSecond: values.WIDGET_FRAMES_PER_SECOND,
    hotConversations: values.HOT_CONVERSATIONS,
    demo: given('DEMO') ?? given('DATABASE_URL') === null,
  };
}
