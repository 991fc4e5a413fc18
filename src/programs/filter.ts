/** Filters over contacts: one expression over `contact` and `now`, the same language as in programs. */
import type { Definition } from './definition.ts';
import { createExpressions, ExpressionError } from './expressions.ts';
import { isZone } from './schedule.ts';
import type { Contact } from './scope.ts';
import { builtInFields, namesOf, type ProgramFacts, viewOf } from './view.ts';

const anyProgram = { meta: { id: '', specVersion: 1, title: '', languages: [] } } as const satisfies ProgramFacts;

/**
 * A filter such as `"trial" in contact.tags && contact.points > 50`; an empty one lets everybody through. It knows the fields that
 * the programs declare; a contact it cannot be computed for is none it lets through.
 *
 * @param now milliseconds since 1970
 * @throws ExpressionError it cannot be read, or gives no true or false
 */
export function createFilter(source: string, programs: readonly Definition[], now: number): (contact: Contact) => boolean {
  if (source.trim() === '') return () => true;
  const names = { contact: Object.assign({}, builtInFields, ...programs.map((program) => namesOf(program).contact)), vars: {} };
  const expressions = createExpressions(names);
  const checked = expressions.check(source);
  if (!checked.ok) throw new ExpressionError(checked.problem);
  if (checked.type !== 'bool' && checked.type !== 'dyn')
    throw new ExpressionError(`Cannot filter by ${checked.type}: write what is true or false`);
  return (contact) => {
    const zone = contact.zone !== null && isZone(contact.zone) ? contact.zone : 'UTC';
    const scope = { now, contact, vars: {}, conversation: { channel: '', lastInboundAt: null, tries: 0 } };
    try {
      return expressions.evaluate(source, viewOf(names, anyProgram, zone, scope, { type: '' })) === true;
    } catch (error) {
      // Of the right types, and yet nothing for this contact: a division by zero, an item that is not there.
      if (error instanceof ExpressionError) return false;
      throw error;
    }
  };
}
