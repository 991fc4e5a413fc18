/** The POST routes that create or send, which honour `Idempotency-Key`: in one list for the server and its OpenAPI document. */

const conversation = '/api/v1/creators/conversations/{id}';
const controlActs = ['takeover', 'release', 'pause', 'resume', 'restart', 'end'];

/** Paths as OpenAPI writes them. */
export const idempotentRoutes: ReadonlySet<string> = new Set([
  '/api/v1/auth/api-keys',
  '/api/v1/auth/members',
  '/api/v1/auth/email/change',
  '/api/v1/auth/privacy/erase',
  '/api/v1/auth/privacy/contacts/{id}/consent',
  '/api/v1/auth/privacy/contacts/{id}/erase',
  '/api/v1/creators/programs',
  '/api/v1/creators/programs/{id}/publish',
  '/api/v1/creators/programs/{id}/versions/{n}/live',
  '/api/v1/creators/programs/{id}/versions/{n}/migrations',
  '/api/v1/creators/documents',
  '/api/v1/creators/documents/from-url',
  '/api/v1/creators/documents/{id}/reindex',
  '/api/v1/creators/media',
  '/api/v1/creators/webhooks',
  '/api/v1/creators/webhooks/{id}/secret',
  '/api/v1/creators/webhooks/{id}/deliveries/{delivery}/replay',
  '/api/v1/creators/broadcasts',
  `${conversation}/messages`,
  `${conversation}/events`,
  `${conversation}/inputs/{input}/retry`,
  ...controlActs.map((act) => `${conversation}/${act}`),
  '/api/v1/ai/prompts',
  '/api/v1/ai/prompts/{version}/activate',
  '/api/v1/ai/models/reembed',
  '/api/v1/channels/connections',
  '/api/v1/channels/connections/link-keys',
  '/api/v1/channels/dead-letters/replay',
  '/api/v1/channels/widget/{creator_id}/sessions',
  '/api/v1/channels/widget/{creator_id}/media',
]);
