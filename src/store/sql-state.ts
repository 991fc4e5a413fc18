/** What the record refused: the SQLSTATE of a driver's error, which both adapters give as `code`. */
import { AppError, type ErrorCode } from '../errors.ts';

/** SQLSTATEs this server answers to (PostgreSQL manual, Appendix A). */
export const sqlState = { foreignKey: '23503', unique: '23505', locked: '55P03' } as const;

/** Whether the error is the driver's, with this SQLSTATE. */
export function hasSqlState(error: unknown, state: string): boolean {
  return error instanceof Error && 'code' in error && error.code === state;
}

/** Whether a statement was given up, with nothing done, because somebody else has kept a row locked for too long. */
export function wasLocked(error: unknown): boolean {
  return error instanceof AppError && hasSqlState(error.cause, sqlState.locked);
}

/** Whether the record may have done what it was asked all the same: its reply was lost. */
export function mayBeDone(error: unknown): boolean {
  return error instanceof AppError && error.code === 'UNAVAILABLE' && !wasLocked(error);
}

/**
 * Waits for the work and tells one expected refusal in the client's words; everything else passes unchanged.
 *
 * @throws AppError `code` when the work fails with `state`
 */
export async function refusing<T>(work: Promise<T>, state: string, code: ErrorCode, message: string): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (hasSqlState(error, state)) throw new AppError(code, message, { cause: error });
    throw error;
  }
}
