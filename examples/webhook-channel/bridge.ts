/**
 * A channel of your own on one page: this terminal. What you type goes to the coach, what the coach says is printed.
 *
 *   OUTBOUND_ALLOW=http://127.0.0.1:4020 npm start
 *   curl … -d '{"channel":"webhook","url":"http://127.0.0.1:4020/","secret":"a-secret-of-16-or-more"}' …/api/v1/channels/connections
 *   npx node examples/webhook-channel/bridge.ts <webhook_url> a-secret-of-16-or-more
 */
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const [webhookUrl = '', secret = ''] = process.argv.slice(2);
const me = { id: 'terminal', name: 'Ana', language: 'en' };
let keys: string[] = [];

interface Told {
  text: string;
  buttons: { key: string; title: string }[];
  reference: string;
}

const signature = (timestamp: string, body: string) => `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`;

/** What the coach says arrives here. A real channel would remember `reference` and send each bubble on only once. */
createServer(async (request, response) => {
  let body = '';
  for await (const piece of request) body += piece;
  const timestamp = String(request.headers['x-companero-timestamp']);
  const given = Buffer.from(String(request.headers['x-companero-signature']));
  const expected = Buffer.from(signature(timestamp, body));
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return response.writeHead(401).end();
  const { text, buttons, reference } = JSON.parse(body) as Told;
  process.stdout.write(`\nCoach: ${text}\n${buttons.map(({ title }, index) => `  [${index + 1}] ${title}\n`).join('')}`);
  if (buttons.length > 0) keys = buttons.map(({ key }) => key);
  return response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ id: reference }));
}).listen(4020, '127.0.0.1');

/** What you type is a message; a number presses the button shown under it. */
for await (const line of createInterface({ input: process.stdin })) {
  const key = keys[Number(line) - 1];
  const event = { id: randomUUID(), from: me, at: new Date().toISOString() };
  const body = JSON.stringify({ events: [key ? { type: 'button', ...event, key } : { type: 'message', ...event, text: line }] });
  const timestamp = String(Math.floor(Date.now() / 1000));
  const headers = {
    'Content-Type': 'application/json',
    'X-Companero-Timestamp': timestamp,
    'X-Companero-Signature': signature(timestamp, body),
  };
  const answer = await fetch(webhookUrl, { method: 'POST', headers, body });
  if (!answer.ok) process.stderr.write(`The server answered ${answer.status}\n`);
}
