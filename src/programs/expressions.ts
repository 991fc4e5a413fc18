/**
 * The expressions of programs: CEL over plain data, type-checked against the definition, bounded in size and time.
 *
 * What differs from standard CEL, so that creators never meet it: every number is a double (`7 / 2` is 3.5, `size(x) + 1`
 * works), functions backed by regular expressions do not exist, and at most two list macros may stand in one expression.
 */
import { type ASTNode, Environment } from '@marcbachmann/cel-js';
import { plain } from './plain.ts';
import type { Json } from './scope.ts';
import type { View } from './view.ts';

/** A program asked for something that cannot be computed. Trying again gives the same: callers treat it as final. */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
}

/** Anything a step of a machine throws, as an ExpressionError: XState wraps what a guard threw in an Error of its own. */
export function asExpressionError(error: unknown): ExpressionError {
  if (error instanceof ExpressionError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ExpressionError(message, { cause: error });
}

/** Static types as CEL names them: `dyn` is known only when it runs. */
export type ValueType = 'double' | 'string' | 'bool' | 'list<string>' | 'dyn';

/** The names an expression may use below `contact` and `vars`, with their types. */
export interface Names {
  contact: Readonly<Record<string, ValueType>>;
  vars: Readonly<Record<string, ValueType>>;
}

/** What a check says: the type of the result, or the problem in words. */
export type Checked = { ok: true; type: string } | { ok: false; problem: string };

/** The expressions of one program, each parsed once. */
export interface Expressions {
  check(source: string): Checked;
  /** @throws ExpressionError and nothing else: for what does not parse, does not type-check, fails or grows too large */
  evaluate(source: string, view: View): Json;
}

/** Limits of an expression; a list macro is `all`, `exists`, `exists_one`, `map` or `filter`. */
export const expressionLimits = { characters: 2000, nodes: 200, depth: 32, listMacros: 2 } as const;

const listMacros = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

/** Allowed functions and methods → the overloads behind them: ours, or CEL's own where the name is the same. */
const functions: Readonly<Record<string, string>> = {
  size: 'size_',
  string: 'string_',
  number: 'number_',
  int: 'int',
  min: 'min_',
  max: 'max_',
  round: 'round_',
  floor: 'floor_',
  ceil: 'ceil_',
  abs: 'abs_',
  has: 'has',
};
const methods: Readonly<Record<string, string>> = {
  size: 'size_',
  contains: 'contains',
  startsWith: 'startsWith',
  endsWith: 'endsWith',
  lower: 'lower_',
  upper: 'upper_',
  trim: 'trim',
  substring: 'substring_',
  split: 'split_',
  join: 'join',
  ...Object.fromEntries([...listMacros].map((name) => [name, name])),
};

const base = new Environment({
  unlistedVariablesAreDyn: false,
  homogeneousAggregateLiterals: false,
  limits: { maxAstNodes: expressionLimits.nodes, maxDepth: expressionLimits.depth },
})
  .registerOperator('double % double: double', (left: number, right: number) => left % right)
  .registerFunction('size_(string): double', (text: string) => [...text].length)
  .registerFunction('size_(list): double', (list: readonly unknown[]) => list.length)
  .registerFunction('size_(map): double', (map: object) => (map instanceof Map ? map.size : Object.keys(map).length))
  .registerFunction('string.size_(): double', (text: string) => [...text].length)
  .registerFunction('list.size_(): double', (list: readonly unknown[]) => list.length)
  .registerFunction('string_(double): string', String)
  .registerFunction('string_(bool): string', String)
  .registerFunction('string_(string): string', (text: string) => text)
  .registerFunction('number_(double): double', (value: number) => value)
  .registerFunction('number_(string): double', (text: string) => (text.trim() === '' ? Number.NaN : Number(text)))
  .registerFunction('min_(double, double): double', (left: number, right: number) => Math.min(left, right))
  .registerFunction('max_(double, double): double', (left: number, right: number) => Math.max(left, right))
  .registerFunction('round_(double): double', (value: number) => Math.round(value))
  .registerFunction('floor_(double): double', (value: number) => Math.floor(value))
  .registerFunction('ceil_(double): double', (value: number) => Math.ceil(value))
  .registerFunction('abs_(double): double', (value: number) => Math.abs(value))
  .registerFunction('string.lower_(): string', (text: string) => text.toLowerCase())
  .registerFunction('string.upper_(): string', (text: string) => text.toUpperCase())
  .registerFunction('string.substring_(double): string', (text: string, start: number) => text.slice(Math.max(0, start)))
  .registerFunction('string.substring_(double, double): string', (text: string, start: number, end: number) =>
    text.slice(Math.max(0, start), Math.max(0, end)),
  )
  .registerFunction('string.split_(string): list<string>', (text: string, separator: string) => text.split(separator, 1001));

const now = {
  date: 'string',
  time: 'string',
  year: 'double',
  month: 'double',
  day: 'double',
  hour: 'double',
  minute: 'double',
  weekday: 'double',
};
const event = {
  type: 'string',
  id: 'string',
  title: 'string',
  text: 'string',
  language: 'string',
  question: 'string',
  tries: 'double',
  attachments: 'list<map<string, string>>',
  value: 'dyn',
  data: 'map<string, dyn>',
  output: { text: 'string', grounded: 'bool', score: 'double', status: 'double', data: 'dyn' },
};

type Parsed = ReturnType<Environment['parse']>;

/** The expressions over these names. Parsed and checked once per source, in memory as long as the program. */
export function createExpressions(names: Names): Expressions {
  const environment = base
    .clone()
    .registerVariable('contact', { schema: names.contact })
    .registerVariable('vars', { schema: names.vars })
    .registerVariable('event', { schema: event })
    .registerVariable('now', { schema: now })
    .registerVariable('program', { schema: { id: 'string', title: 'string', level: 'string' } })
    .registerVariable('conversation', { schema: { channel: 'string', tries: 'double', hoursSilent: 'double' } });
  const known = new Map<string, { run: Parsed; checked: Checked } | { run: null; checked: Checked & { ok: false } }>();

  function prepare(source: string) {
    let entry = known.get(source);
    if (!entry) {
      entry = parse(environment, source);
      known.set(source, entry);
    }
    return entry;
  }

  return {
    check: (source) => prepare(source).checked,
    evaluate(source, view) {
      const { run, checked } = prepare(source);
      if (!checked.ok || !run) throw new ExpressionError(checked.ok ? 'Cannot run the expression' : checked.problem);
      try {
        return plain(run(view));
      } catch (error) {
        throw new ExpressionError(`Cannot compute "${excerpt(source)}": ${summaryOf(error)}`, { cause: error });
      }
    },
  };
}

function parse(environment: Environment, source: string) {
  const fail = (problem: string) => ({ run: null, checked: { ok: false as const, problem } });
  if (source.length > expressionLimits.characters) return fail(`The expression is longer than ${expressionLimits.characters} characters`);
  try {
    const run = environment.parse(source);
    const problem = refuse(run.ast);
    if (problem !== null) return fail(problem);
    const result = run.check();
    if (!result.valid) return fail(`${summaryOf(result.error)} in "${excerpt(source)}"`);
    return { run, checked: { ok: true as const, type: result.type ?? 'dyn' } };
  } catch (error) {
    return fail(`Cannot read "${excerpt(source)}": ${summaryOf(error)}`);
  }
}

function excerpt(source: string): string {
  return source.length > 80 ? `${source.slice(0, 80)}…` : source;
}

/** The first line of what CEL says, without its drawing of the source. */
function summaryOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return (message.split('\n', 1)[0] ?? '').slice(0, 300);
}

/**
 * Walks a parsed expression before it is checked: refuses functions that are not on the list, points the others to our
 * overloads, and turns whole numbers into doubles except where they index a list.
 */
function refuse(root: ASTNode): string | null {
  const nodes = nodesOf(root);
  for (const node of nodes) if (node.op === 'value' && typeof node.args === 'bigint') (node as { args: unknown }).args = Number(node.args);
  const calls = nodes.filter((node) => node.op === 'call' || node.op === 'rcall');
  const unknown = calls.map(redirect).find((name) => name !== null);
  if (unknown !== undefined) return `Unknown function "${unknown}"`;
  const macros = calls.filter((node) => node.op === 'rcall' && listMacros.has(node.args[0])).length;
  return macros > expressionLimits.listMacros ? `More than ${expressionLimits.listMacros} list functions in one expression` : null;
}

/** Points a call to the overloads behind its name; the name where it has none. */
function redirect(node: Extract<ASTNode, { op: 'call' | 'rcall' }>): string | null {
  const [name] = node.args;
  const table = node.op === 'call' ? functions : methods;
  if (!Object.hasOwn(table, name)) return name;
  (node.args as [string, ...unknown[]])[0] = table[name] as string;
  return null;
}

/** Every node but whole numbers that index a list. */
function nodesOf(root: ASTNode): readonly ASTNode[] {
  const nodes = [root];
  for (const node of nodes) nodes.push(...childrenOf(node));
  return nodes;
}

function childrenOf(node: ASTNode): ASTNode[] {
  if (node.op === '[]' && node.args[1].op === 'value') return [node.args[0]];
  const found: ASTNode[] = [];
  const collect = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) collect(item);
    else if (typeof value === 'object' && value !== null && 'op' in value) found.push(value as ASTNode);
  };
  collect(node.args);
  return found;
}
