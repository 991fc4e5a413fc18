/** Who may do what: the role × action table, as data. What is not in it is refused. */
import type { Role } from '../context.ts';

const everyone = ['owner', 'editor', 'agent', 'viewer'] as const;
const staff = ['owner', 'editor', 'agent'] as const;
const authors = ['owner', 'editor'] as const;
const owner = ['owner'] as const;

/** Action → the roles that may do it. `account.*` is a member's own sign-in. */
export const roleTable = {
  'account.read': everyone,
  'account.write': everyone,
  'account.email': everyone,
  'programs.read': everyone,
  'programs.write': authors,
  'programs.publish': authors,
  'conversations.read': everyone,
  'conversations.act': staff,
  'contacts.read': everyone,
  'contacts.write': staff,
  'contacts.import': authors,
  'contacts.export': authors,
  'analytics.read': everyone,
  'documents.read': everyone,
  'documents.write': authors,
  'ai.query': everyone,
  'ai.configure': authors,
  'widget.read': everyone,
  'widget.write': authors,
  'channels.read': everyone,
  'channels.write': owner,
  'members.read': everyone,
  'members.write': owner,
  'keys.read': authors,
  'keys.write': owner,
  'audit.read': owner,
  'privacy.contact': authors,
  'privacy.read': authors,
  'privacy.write': owner,
  'privacy.workspace': owner,
  'webhooks.read': authors,
  'webhooks.write': owner,
} as const satisfies Record<string, readonly Role[]>;

/** Something a route does, as named in the table. */
export type Action = keyof typeof roleTable;

/** Whether the table lets the role do it. */
export function allows(role: Role, action: Action): boolean {
  return (roleTable[action] as readonly Role[]).includes(role);
}

/** What needs the password proved within the last ten minutes, whoever asks: acts that open doors, give data away or destroy it. */
const recentActions: ReadonlySet<Action> = new Set<Action>([
  'account.email',
  'members.write',
  'keys.write',
  'contacts.export',
  'privacy.contact',
  'privacy.workspace',
]);

/** Whether the action needs a recent proof of the password. */
export function needsRecentProof(action: Action): boolean {
  return recentActions.has(action);
}

/** What an API key may be made for: nothing about accounts, keys, the audit or privacy, and nothing that needs a password proved, for it has none. */
export const keyActions = (Object.keys(roleTable) as Action[]).filter(
  (action) => !/^(account|members|keys|audit|privacy)\./.test(action) && !needsRecentProof(action),
);

/** Every action of a role: the `permissions` claim. */
export function permissionsOf(role: Role): Action[] {
  return (Object.keys(roleTable) as Action[]).filter((action) => allows(role, action));
}
