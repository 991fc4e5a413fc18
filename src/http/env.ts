/** What every request carries through the edge: the types behind `c.var`. */
import type { MemberPrincipal, WidgetPrincipal } from '../context.ts';

/** Set on every request before any route runs. */
export interface AppEnv {
  Variables: {
    /** UUID v7; in the answer's `X-Request-Id` and in every log line of the request. */
    requestId: string;
    /** Of a request that came with an Idempotency-Key: the `requestId` of its first try. */
    firstRequestId?: string;
    /** Address of the client as far as the trusted proxies vouch for it; counted by limits, never logged. */
    address: string;
    /** Set when the time to answer is over. The route may go on, but nobody hears of it. */
    late?: true;
  };
}

/** A request behind `member(action)`: a member who may do what the route does. */
export interface MemberEnv {
  Variables: AppEnv['Variables'] & { principal: MemberPrincipal };
}

/** A request behind the gate of operators. */
export interface OperatorEnv {
  Variables: AppEnv['Variables'] & { operatorId: string };
}

/** A request behind `widgetSession()`: a contact in the widget. */
export interface WidgetEnv {
  Variables: AppEnv['Variables'] & { principal: WidgetPrincipal };
}
