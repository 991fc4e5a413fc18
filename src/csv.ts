/** Tables as comma-separated values (RFC 4180): read while they arrive, written so that no spreadsheet takes a text for a formula. */
import { AppError } from './errors.ts';

const mostCells = 300;
const mostCharacters = 16_384;

/**
 * The rows of a table, each as its cells. Cells are parted by the first comma, semicolon or tab outside of quotes; empty lines are left out.
 *
 * @throws AppError INVALID_INPUT a row is too long, or a quote is not closed
 */
export async function* readCsv(pieces: AsyncIterable<string>): AsyncGenerator<string[]> {
  const reader = createReader();
  for await (const piece of pieces) {
    for (const character of piece) {
      const row = reader.take(character);
      if (row !== null) yield row;
    }
  }
  const last = reader.end();
  if (last !== null) yield last;
}

/** One line of a table, with its end. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map(writeCell).join(',')}\r\n`;
}

/** Spreadsheets compute what begins with one of these, unless an apostrophe stands before it. */
const formula = /^[=+\-@\t\r]/;

/** A cell as it was before `csvLine` kept it from being a formula. */
export function withoutGuard(cell: string): string {
  return cell.startsWith("'") && formula.test(cell.slice(1)) ? cell.slice(1) : cell;
}

function writeCell(cell: string): string {
  const guarded = formula.test(cell) ? `'${cell}` : cell;
  return /[",\r\n;\t]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
}

function createReader() {
  let separator: string | null = null;
  let state: 'plain' | 'quoted' | 'closing' = 'plain';
  let row: string[] = [];
  let cell = '';

  function endRow(): string[] | null {
    const ended = [...row, cell];
    row = [];
    cell = '';
    return ended.length === 1 && ended[0] === '' ? null : ended;
  }

  function add(character: string): void {
    cell += character;
    if (cell.length > mostCharacters) throw new AppError('INVALID_INPUT', `Cannot read a cell longer than ${mostCharacters} characters`);
  }

  function parts(character: string): boolean {
    if (separator === null && (character === ',' || character === ';' || character === '\t')) separator = character;
    return character === separator;
  }

  function takePlain(character: string): string[] | null {
    if (character === '\n') return endRow();
    if (parts(character)) {
      row.push(cell);
      cell = '';
      if (row.length >= mostCells) throw new AppError('INVALID_INPUT', `Cannot read more than ${mostCells} cells of a row`);
    } else if (character === '"' && cell === '') state = 'quoted';
    else if (character !== '\r') add(character);
    return null;
  }

  return {
    /** The row that the character ends, null while it goes on. */
    take(character: string): string[] | null {
      if (state === 'quoted') {
        if (character === '"') state = 'closing';
        else add(character);
        return null;
      }
      if (state === 'closing') {
        const isQuote = character === '"';
        state = isQuote ? 'quoted' : 'plain';
        if (isQuote) add(character);
        return isQuote ? null : takePlain(character);
      }
      return takePlain(character);
    },
    /** What stands behind the last line end. @throws AppError INVALID_INPUT a quote is not closed */
    end(): string[] | null {
      if (state === 'quoted') throw new AppError('INVALID_INPUT', 'Close the quote of the last cell');
      return endRow();
    },
  };
}
