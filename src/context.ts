/** Who asks: the principal and the request that every entry point names before it touches anything. */
import type { ConversationId, CreatorId, MemberId, SessionId } from './ids.ts';

/** What a member may do; see `accounts/roles.ts` for the table. */
export type Role = 'owner' | 'editor' | 'agent' | 'viewer';

/** From where a request came, as far as records of sign-ins and the audit keep it. */
export interface Caller {
  /** Printable ASCII, at most 200 characters. */
  userAgent: string | null;
  /** Network address as far as trusted proxies vouch for it. */
  address: string;
  requestId: string;
}

/** A member of a creator's workspace, proved by an access token. */
export interface MemberPrincipal {
  kind: 'member';
  creatorId: CreatorId;
  memberId: MemberId;
  /** The refresh family (sign-in) the token belongs to. */
  sid: string;
  role: Role;
  /** Set when an API key asks in the member's name; `sid` is its id then. */
  keyId?: string;
}

/** A contact in the widget, proved by a widget session token. */
export interface WidgetPrincipal {
  kind: 'widget';
  creatorId: CreatorId;
  sessionId: SessionId;
  conversationId: ConversationId;
}
