/** The first check of a definition: size and keys before anything else looks at it, then its shape, key by key. */
import * as v from 'valibot';
import { type Definition, definitionSchema } from './definition.ts';
import { type Finding, pointerTo, problem } from './finding.ts';

/** Caps of a definition; `bytes` of its JSON in UTF-8. */
export const definitionLimits = { bytes: 256 * 1024, depth: 32, states: 500, characters: 16_000, items: 1000, values: 50_000 } as const;

const encoder = new TextEncoder();
const forbiddenKeys = new Set(['__proto__', 'constructor', 'prototype']);

/** Holds a value of unknown origin against caps and schema. With a definition there are no findings. */
export function checkShape(json: unknown): { definition?: Definition; findings: readonly Finding[] } {
  const caps = checkCaps(json);
  if (caps.length > 0) return { findings: caps };
  const result = v.safeParse(definitionSchema, json);
  if (!result.success) return { findings: result.issues.slice(0, 100).map(toFinding) };
  const states = countStates(result.output.machine);
  if (states > definitionLimits.states) {
    return { findings: [problem('too-large', '/machine', `The machine has ${states} states; ${definitionLimits.states} is the most`)] };
  }
  return { definition: result.output, findings: [] };
}

interface Visit {
  value: unknown;
  pointer: string;
  depth: number;
}

/** Walks without recursion, so that depth itself can be judged, and stops at the first thing that is too much. */
function checkCaps(json: unknown): readonly Finding[] {
  const open: Visit[] = [{ value: json, pointer: '', depth: 0 }];
  let values = 0;
  let bytes = 0;
  for (let visit = open.pop(); visit; visit = open.pop()) {
    values += 1;
    const finding = judge(visit);
    if (finding) return [finding];
    bytes += typeof visit.value === 'string' ? encoder.encode(visit.value).length + 2 : 4;
    if (bytes > definitionLimits.bytes || values > definitionLimits.values) {
      return [problem('too-large', '', `The definition is too large: ${definitionLimits.bytes / 1024} KiB is the most`)];
    }
    if (typeof visit.value !== 'object' || visit.value === null) continue;
    for (const [key, value] of Object.entries(visit.value)) {
      bytes += key.length + 3;
      open.push({ value, pointer: visit.pointer + pointerTo(key), depth: visit.depth + 1 });
    }
  }
  return [];
}

function judge({ value, pointer, depth }: Visit): Finding | null {
  const { characters, items, depth: deepest } = definitionLimits;
  if (depth > deepest) return problem('too-large', pointer, `The definition is nested too deeply: ${deepest} levels are the most`);
  if (typeof value === 'string') return value.length > characters ? problem('too-large', pointer, 'This text is too long') : null;
  if (typeof value !== 'object' || value === null) return null;
  if (Array.isArray(value)) return value.length > items ? problem('too-large', pointer, `This list has more than ${items} items`) : null;
  const keys = Object.keys(value);
  const forbidden = keys.find((key) => forbiddenKeys.has(key));
  if (forbidden !== undefined) return problem('forbidden-key', pointer + pointerTo(forbidden), `The name "${forbidden}" cannot be used`);
  return keys.length > items ? problem('too-large', pointer, `There are more than ${items} names here`) : null;
}

function countStates(state: Definition['machine'] | { states?: object | undefined }): number {
  return Object.values(state.states ?? {}).reduce<number>((sum, inner) => sum + 1 + countStates(inner), 0);
}

type Issue = v.BaseIssue<unknown>;

/** The finding behind an issue; of a value that fits none of several shapes the issue that got furthest into it. */
function toFinding(issue: Issue): Finding {
  const { path, deepest } = follow(issue);
  const pointer = pointerTo(...path);
  const key = path.at(-1);
  if (deepest.type === 'strict_object' && deepest.expected === 'never') {
    return problem('unknown-key', pointer, `"${key}" is not known here: is it misspelt, or not supported yet?`);
  }
  if (deepest.expected?.startsWith('"') && deepest.received === 'undefined') return problem('shape', pointer, `"${key}" is missing`);
  if (deepest.type === 'variant' || deepest.type === 'picklist') {
    return problem('unknown-name', pointer, `${quoted(deepest.input)} is not known here: use ${wordsOf(deepest.expected)}`);
  }
  return problem('shape', pointer, deepest.message);
}

function follow(issue: Issue): { path: (string | number)[]; deepest: Issue } {
  const path = keysOf(issue);
  const [furthest] = [...(issue.issues ?? [])].map(follow).sort((left, right) => right.path.length - left.path.length);
  return furthest && furthest.path.length > 0 ? { path: [...path, ...furthest.path], deepest: furthest.deepest } : { path, deepest: issue };
}

function keysOf(issue: Issue): (string | number)[] {
  return (issue.path ?? []).map((item) => item.key as string | number);
}

function quoted(input: unknown): string {
  return typeof input === 'string' ? `"${input.slice(0, 80)}"` : 'This value';
}

function wordsOf(expected: string | null): string {
  return (expected ?? '')
    .replace(/^\(|\)$/g, '')
    .replaceAll('"', '')
    .split(' | ')
    .join(', ');
}
