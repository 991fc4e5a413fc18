/** Members, roles, keys and the audit over HTTP. */
import { beforeAll, describe, expect, test } from 'vitest';
import { makeOperator } from '../../../src/accounts/operators.ts';
import { type Action, allows, roleTable } from '../../../src/accounts/roles.ts';
import type { Role } from '../../../src/context.ts';
import type { SessionNews } from '../../../src/shared/fan-out.ts';
import { sessionsTopic } from '../../../src/shared/fan-out.ts';
import { testApp } from '../../support/app.ts';
import { manualClock } from '../../support/clock.ts';
import { testDatabase } from '../../support/database.ts';

const database = await testDatabase();
const clock = manualClock(Date.UTC(2026, 0, 1));
const { app, newMember, ids, fanOut } = await testApp(database, clock, { trustedProxyHops: 1 });
const password = 'a long unlikely phrase';
const roles: Role[] = ['owner', 'editor', 'agent', 'viewer'];

type Call = Awaited<ReturnType<typeof newMember>>['call'];
// biome-ignore lint/suspicious/noExplicitAny: answers are asserted, not typed
const read = (response: Response): Promise<any> => response.json();
const statusOf = async (response: Response | Promise<Response>) => (await response).status;

let address = 0;
function post(path: string, json: unknown): Promise<Response> {
  const headers = { 'Content-Type': 'application/json', 'X-Forwarded-For': `198.51.100.${address++}` };
  return Promise.resolve(app.request(`/api/v1/auth${path}`, { method: 'POST', headers, body: JSON.stringify(json) }));
}

function callWith(token: string): Call {
  return (method, path, json) =>
    app.request(path, {
      method,
      headers: { Authorization: `Bearer ${token}`, ...(json === undefined ? {} : { 'Content-Type': 'application/json' }) },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
}

/** A member of the owner's workspace, invited, joined and signed in. */
async function newColleague(owner: Call, role: Role) {
  const email = `colleague${address}@example.org`;
  const { member, invitation_token: token } = await read(await owner('POST', '/api/v1/auth/members', { email, display_name: 'Ben', role }));
  expect(await statusOf(post('/login', { email, password }))).toBe(401);
  expect(await statusOf(post('/members/join', { token, password }))).toBe(204);
  expect(await statusOf(post('/members/join', { token, password }))).toBe(400);
  const pair = await read(await post('/login', { email, password }));
  return { id: member.id as string, email, call: callWith(pair.access_token), pair };
}

describe('members', () => {
  test('are invited, listed with their role, changed and removed; each holds at once', async () => {
    const owner = await newMember();
    const ben = await newColleague(owner.call, 'viewer');
    const { items } = await read(await ben.call('GET', '/api/v1/auth/members'));
    expect(items.map(({ role, status }: Record<string, string>) => [role, status])).toEqual([
      ['owner', 'active'],
      ['viewer', 'active'],
    ]);
    expect(await statusOf(ben.call('GET', '/api/v1/auth/audit'))).toBe(403);
    expect(await statusOf(owner.call('PATCH', `/api/v1/auth/members/${ben.id}`, { role: 'owner' }))).toBe(200);
    expect(await statusOf(ben.call('GET', '/api/v1/auth/audit'))).toBe(200);
    expect(await statusOf(owner.call('PATCH', `/api/v1/auth/members/${ben.id}`, { role: 'viewer' }))).toBe(200);
    expect(await statusOf(ben.call('GET', '/api/v1/auth/audit'))).toBe(403);
    expect(await statusOf(owner.call('DELETE', `/api/v1/auth/members/${ben.id}`))).toBe(204);
    expect(await statusOf(ben.call('GET', '/api/v1/auth/me'))).toBe(401);
    expect(await statusOf(post('/refresh', { refresh_token: ben.pair.refresh_token }))).toBe(401);
    expect(await statusOf(owner.call('DELETE', `/api/v1/auth/members/${ben.id}`))).toBe(404);
  });

  test('keep one owner at least', async () => {
    const owner = await newMember();
    expect(await statusOf(owner.call('PATCH', `/api/v1/auth/members/${owner.memberId}`, { role: 'viewer' }))).toBe(409);
    expect(await statusOf(owner.call('DELETE', `/api/v1/auth/members/${owner.memberId}`))).toBe(409);
    const other = await newColleague(owner.call, 'owner');
    expect(await statusOf(owner.call('DELETE', `/api/v1/auth/members/${owner.memberId}`))).toBe(204);
    expect(await statusOf(other.call('GET', '/api/v1/auth/me'))).toBe(200);
  });

  test('of another workspace cannot be invited, changed or removed', async () => {
    const [ana, ben] = [await newMember(), await newMember()];
    const { member } = await read(await ben.call('GET', '/api/v1/auth/me'));
    const invitation = { email: member.email, display_name: 'Ben', role: 'editor' };
    expect(await statusOf(ana.call('POST', '/api/v1/auth/members', invitation))).toBe(409);
    expect(await statusOf(ana.call('PATCH', `/api/v1/auth/members/${ben.memberId}`, { role: 'viewer' }))).toBe(404);
    expect(await statusOf(ana.call('DELETE', `/api/v1/auth/members/${ben.memberId}`))).toBe(404);
  });

  test('must have proved the password lately for acts that open doors', async () => {
    const owner = await newMember();
    const invite = () =>
      owner.call('POST', '/api/v1/auth/members', { email: `late${address++}@example.org`, display_name: 'C', role: 'agent' });
    clock.advance(9 * 60_000);
    expect(await statusOf(invite())).toBe(201);
    clock.advance(2 * 60_000);
    const refused = await invite();
    expect([refused.status, (await read(refused)).error.code]).toEqual([403, 'REAUTH_REQUIRED']);
    expect(await statusOf(owner.call('POST', '/api/v1/auth/reauthenticate', { password: 'not the phrase' }))).toBe(403);
    expect(await statusOf(owner.call('POST', '/api/v1/auth/reauthenticate', { password }))).toBe(204);
    expect(await statusOf(invite())).toBe(201);
  });

  test('who sign in anew while holding a session let go of that one', async () => {
    const owner = await newMember();
    const { member } = await read(await owner.call('GET', '/api/v1/auth/me'));
    const again = await read(await owner.call('POST', '/api/v1/auth/login', { email: member.email, password }));
    expect(await statusOf(owner.call('GET', '/api/v1/auth/me'))).toBe(401);
    expect(await statusOf(callWith(again.access_token)('GET', '/api/v1/auth/me'))).toBe(200);
  });
});

/** Every route with the action its gate names. Hono keeps the gate among the handlers of the route. */
const gated = app.routes.flatMap(({ method, path, handler }) => {
  const action = (handler as { action?: Action }).action;
  return action === undefined ? [] : [{ method, path, action }];
});

describe('the table of roles', () => {
  const calls = new Map<Role, Call>();
  beforeAll(async () => {
    const owner = await newMember();
    for (const role of roles) calls.set(role, role === 'owner' ? owner.call : (await newColleague(owner.call, role)).call);
  });

  test('names an action for every route that is not public', async () => {
    const { paths } = (await (await app.request('/openapi.json')).json()) as {
      paths: Record<string, Record<string, { security: unknown[] }>>;
    };
    const closed = Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries(operations).flatMap(([method, { security }]) => (security.length === 0 ? [] : [`${method.toUpperCase()} ${path}`])),
    );
    const known = new Set(gated.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}').replace(/\/$/, '')}`));
    expect(closed.filter((route) => !known.has(route.replace(/\/$/, '')) && !route.includes('/operator/'))).toEqual([]);
  });

  test.each(roles)('is what a member who is %s meets on every route', async (role) => {
    const call = calls.get(role) as Call;
    for (const { method, path, action } of gated.filter((route) => !route.path.endsWith('/logout'))) {
      const response = await call(method, path.replace(/:\w+/g, ids.uuid()), /GET|DELETE/.test(method) ? undefined : {});
      const code = response.status === 403 ? (await read(response)).error.code : null;
      expect([`${method} ${path}`, code]).toEqual([`${method} ${path}`, allows(role, action) ? null : 'FORBIDDEN']);
    }
  });

  test('has no action that no route does, but those of parts this app does not mount', () => {
    const unused = (Object.keys(roleTable) as Action[]).filter((action) => !gated.some((route) => route.action === action));
    expect(
      unused.filter((action) => !/^(documents|ai|widget|channels|privacy|webhooks|analytics|broadcasts|media)\./.test(action)),
    ).toEqual([]);
  });
});

describe('an API key', () => {
  test('does what its scopes name and no more, until it is ended', async () => {
    const owner = await newMember();
    const made = await owner.call('POST', '/api/v1/auth/api-keys', { name: 'CRM', scopes: ['contacts.read'] });
    expect(made.status).toBe(201);
    const { id, api_key: text } = await read(made);
    const key = callWith(text);
    expect(await statusOf(key('GET', '/api/v1/creators/contacts'))).toBe(200);
    for (const path of ['/api/v1/creators/programs', '/api/v1/auth/me', '/api/v1/auth/members', '/api/v1/auth/audit']) {
      expect([path, await statusOf(key('GET', path))]).toEqual([path, 403]);
    }
    const { items } = await read(await owner.call('GET', '/api/v1/auth/api-keys'));
    expect(items).toMatchObject([{ id, name: 'CRM', scopes: ['contacts.read'], last_used_at: expect.any(String) }]);
    expect(JSON.stringify(items)).not.toContain(text);
    const stored = await database.tenant(owner.creatorId, (sql) => sql('select to_jsonb(k) as row from api_keys k'));
    expect(JSON.stringify(stored)).not.toContain(text);
    expect(await statusOf(owner.call('DELETE', `/api/v1/auth/api-keys/${id}`))).toBe(204);
    expect(await statusOf(key('GET', '/api/v1/creators/contacts'))).toBe(401);
    expect(await statusOf(owner.call('DELETE', `/api/v1/auth/api-keys/${id}`))).toBe(404);
  });

  test('ends with its time and with its maker, and never does more than its maker may', async () => {
    const owner = await newMember();
    const partner = await newColleague(owner.call, 'owner');
    const make = async (days: number | null) =>
      callWith(
        (
          await read(
            await partner.call('POST', '/api/v1/auth/api-keys', {
              name: 'k',
              scopes: ['programs.write', 'programs.read'],
              expires_in_days: days,
            }),
          )
        ).api_key,
      );
    const [short, long] = [await make(1), await make(null)];
    const write = (key: Call) => statusOf(key('POST', '/api/v1/creators/programs', {}));
    expect([await write(short), await write(long)]).toEqual([400, 400]);
    clock.advance(24 * 60 * 60_000);
    expect([await write(short), await write(long)]).toEqual([401, 400]);
    await database.tenant(owner.creatorId, (sql) => sql("update members set role = 'viewer' where id = $1", [partner.id]));
    expect(await write(long)).toBe(403);
    await database.tenant(owner.creatorId, (sql) => sql('delete from members where id = $1', [partner.id]));
    expect(await write(long)).toBe(401);
  });

  test.each(['ck_', 'ck_AAAA', `ck_${'A'.repeat(86)}`, `ck_${'_'.repeat(86)}`])('%s is none', async (text) => {
    expect(await statusOf(callWith(text)('GET', '/api/v1/creators/contacts'))).toBe(401);
  });

  test.each(['members.write', 'keys.write', 'audit.read', 'privacy.workspace', 'account.write', 'contacts.export', 'everything'])(
    'cannot be made for %s',
    async (scope) => {
      const { call } = await newMember();
      expect(await statusOf(call('POST', '/api/v1/auth/api-keys', { name: 'k', scopes: [scope] }))).toBe(400);
    },
  );
});

test('an API key of an earlier version does nothing that needs the password proved', async () => {
  const owner = await newMember();
  const made = await read(await owner.call('POST', '/api/v1/auth/api-keys', { name: 'k', scopes: ['contacts.read'] }));
  await database.tenant(owner.creatorId, (sql) => sql("update api_keys set scopes = '{contacts.read,contacts.export}'"));
  const call = callWith(made.api_key);
  expect(await statusOf(call('GET', '/api/v1/creators/contacts'))).toBe(200);
  expect(await statusOf(call('GET', '/api/v1/creators/contacts/export'))).toBe(403);
});

describe('the audit', () => {
  const rowsOf = async (call: Call, search = '') => (await read(await call('GET', `/api/v1/auth/audit?limit=100${search}`))).items;

  test('holds one row for each outcome of signing in, and each refused access', async () => {
    const owner = await newMember();
    const ben = await newColleague(owner.call, 'viewer');
    const before = (await rowsOf(owner.call)).length;
    await post('/login', { email: ben.email, password: 'not the phrase' });
    await post('/refresh', { refresh_token: ben.pair.refresh_token });
    await ben.call('GET', '/api/v1/auth/audit');
    await ben.call('POST', '/api/v1/auth/password/change', { current_password: 'not the phrase', new_password: 'quite another phrase' });
    await ben.call('POST', '/api/v1/auth/logout');
    const rows = await rowsOf(owner.call);
    const seen = rows
      .slice(0, rows.length - before)
      .map(({ action, outcome, reason }: Record<string, string>) => [action, outcome, reason]);
    expect(seen.reverse()).toEqual([
      ['session.login', 'refused', 'password'],
      ['session.refresh', 'done', null],
      ['access', 'refused', 'audit.read role'],
      ['password.change', 'refused', 'password'],
      ['session.end', 'done', null],
    ]);
    expect(await rowsOf(owner.call, `&actor_id=${ben.id}`)).toHaveLength(3);
    expect(JSON.stringify(rows)).not.toMatch(/@example|198\.51/);
  });

  test('row 23: shows a filter by another workspace nothing', async () => {
    const [ana, ben] = [await newMember(), await newMember()];
    expect(await rowsOf(ana.call, `&actor_id=${ben.memberId}`)).toEqual([]);
    expect(await statusOf(ana.call('GET', `/api/v1/auth/audit?creator_id=${ben.creatorId}`))).toBe(400);
  });

  test('is read page by page', async () => {
    const owner = await newMember();
    await newColleague(owner.call, 'viewer');
    const first = await read(await owner.call('GET', '/api/v1/auth/audit?limit=2'));
    const second = await read(await owner.call('GET', `/api/v1/auth/audit?limit=2&cursor=${first.next_cursor}`));
    expect([...first.items, ...second.items].map(({ seq }) => seq)).toEqual([6, 5, 4, 3]);
    expect(await statusOf(owner.call('GET', '/api/v1/auth/audit?cursor=abc'))).toBe(400);
  });
});

describe('an operator', () => {
  const suspend = (key: string, creatorId: string, suspended: boolean) =>
    callWith(key)('PUT', `/api/v1/operator/creators/${creatorId}/suspension`, { suspended });

  test('suspends a workspace: its sign-ins end, its sockets close, and nobody signs in until it may work again', async () => {
    const owner = await newMember();
    const { member } = await read(await owner.call('GET', '/api/v1/auth/me'));
    const { api_key: key } = await read(await owner.call('POST', '/api/v1/auth/api-keys', { name: 'k', scopes: ['contacts.read'] }));
    const operator = await makeOperator(database, ids, 'Olga');
    const news: SessionNews[] = [];
    const stop = await fanOut.subscribe(sessionsTopic, (heard) => news.push(heard as SessionNews));
    expect(await statusOf(suspend(operator.text, owner.creatorId, true))).toBe(204);
    stop();
    expect(news).toContainEqual({ creator_id: owner.creatorId, all: true });
    expect(await statusOf(owner.call('GET', '/api/v1/auth/me'))).toBe(401);
    expect(await statusOf(post('/refresh', { refresh_token: owner.pair.refresh_token }))).toBe(401);
    expect(await statusOf(callWith(key)('GET', '/api/v1/creators/contacts'))).toBe(401);
    expect(await statusOf(post('/login', { email: member.email, password }))).toBe(403);
    expect(await statusOf(suspend(operator.text, owner.creatorId, false))).toBe(204);
    expect(await statusOf(post('/login', { email: member.email, password }))).toBe(200);
  });

  test('has a key that nobody else has', async () => {
    const owner = await newMember();
    for (const text of [owner.pair.access_token, 'co_', `co_${'A'.repeat(64)}`]) {
      expect(await statusOf(suspend(text, owner.creatorId, true))).toBe(401);
    }
    const operator = await makeOperator(database, ids, 'Olga');
    expect(await statusOf(callWith(operator.text)('GET', '/api/v1/auth/me'))).toBe(401);
    expect(await statusOf(suspend(operator.text, ids.uuid(), true))).toBe(404);
  });
});
