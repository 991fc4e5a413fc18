/** The one error that leaves the server: a closed set of codes, each with its HTTP status, socket close code and retryability. */

/** Every stable code, and what each means at the edges. `close` is the WebSocket close code, 0 where the socket stays open. */
export const errorTable = {
  INVALID_INPUT: { status: 400, close: 0, retryable: false },
  UNAUTHENTICATED: { status: 401, close: 4401, retryable: false },
  REAUTH_REQUIRED: { status: 403, close: 0, retryable: false },
  FORBIDDEN: { status: 403, close: 1008, retryable: false },
  ORIGIN_REFUSED: { status: 403, close: 4403, retryable: false },
  NOT_FOUND: { status: 404, close: 0, retryable: false },
  METHOD_NOT_ALLOWED: { status: 405, close: 0, retryable: false },
  CONFLICT: { status: 409, close: 0, retryable: false },
  EMAIL_TAKEN: { status: 409, close: 0, retryable: false },
  PRECONDITION_FAILED: { status: 412, close: 0, retryable: false },
  TOO_LARGE: { status: 413, close: 1009, retryable: false },
  UNSUPPORTED_MEDIA: { status: 415, close: 1003, retryable: false },
  INVALID_PROGRAM: { status: 422, close: 0, retryable: false },
  INVALID_DOCUMENT: { status: 422, close: 0, retryable: false },
  INVALID_FIELD: { status: 422, close: 0, retryable: false },
  INVALID_ADDRESS: { status: 422, close: 0, retryable: false },
  PRECONDITION_REQUIRED: { status: 428, close: 0, retryable: false },
  RATE_LIMITED: { status: 429, close: 1008, retryable: true },
  SESSION_ENDED: { status: 401, close: 4401, retryable: false },
  INTERNAL: { status: 500, close: 1011, retryable: true },
  UNAVAILABLE: { status: 503, close: 1013, retryable: true },
  OVERLOADED: { status: 503, close: 1013, retryable: true },
} as const satisfies Record<string, { status: number; close: number; retryable: boolean }>;

/** A stable error code; clients switch on it. */
export type ErrorCode = keyof typeof errorTable;

/** A failure with a code a client may rely on. `message` and `details` are shown to the client; `cause` only to the log. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: { details?: Record<string, unknown>; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** The error body of every answer and error frame: `{error: {code, message, details, timestamp, request_id}}` without its wrapper. */
export interface ErrorBody {
  code: ErrorCode;
  message: string;
  details: Readonly<Record<string, unknown>>;
  /** ISO 8601, UTC. */
  timestamp: string;
  request_id: string;
}

/** What a client sees of any failure: an AppError as it is, everything else as INTERNAL with nothing of its text. */
export function errorBody(error: unknown, requestId: string, now: number): ErrorBody {
  const known = error instanceof AppError ? error : new AppError('INTERNAL', 'Something went wrong on our side');
  return {
    code: known.code,
    message: known.message,
    details: known.details,
    timestamp: new Date(now).toISOString(),
    request_id: requestId,
  };
}
