/** Logging: one JSON line an event, with ids and never message text, tokens or phone numbers. */
import pino from 'pino';

/** The fields a line may carry: ids, counts, durations, codes. Nothing a person wrote. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>> & { err?: never };

/** A logger. `event` is a stable dotted name such as `turn.conflict`. */
export interface Log {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  /** `error` is logged with its stack; `fields` as elsewhere. */
  error(event: string, error: unknown, fields?: LogFields): void;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** A Log that writes JSON lines to standard output. */
export function jsonLog(level: LogLevel): Log {
  const sink = pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    messageKey: 'event',
    formatters: { level: (label) => ({ level: label }) },
  });
  return {
    info: (event, fields) => sink.info(fields ?? {}, event),
    warn: (event, fields) => sink.warn(fields ?? {}, event),
    error: (event, error, fields) => sink.error({ ...fields, err: error instanceof Error ? error : new Error(String(error)) }, event),
  };
}
