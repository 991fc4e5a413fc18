/** `npm run stand-in`: WhatsApp and Telegram on this machine, to try a connection without an account. What you type is what a person writes. */
import { createInterface } from 'node:readline';
import { botToken, callbackUpdate, startTelegram, textUpdate } from '../test/support/telegram-stand-in.ts';
import { inbound, signedWebhook, startWhatsApp, webhookBody, whatsappAccount } from '../test/support/whatsapp-stand-in.ts';

const whatsapp = await startWhatsApp(Number(process.env.WHATSAPP_PORT ?? 4010));
const telegram = await startTelegram(Number(process.env.TELEGRAM_PORT ?? 4011));
const phone = '351911000111';
const person = 4711;
let count = Date.now() % 1_000_000;
let whatsappWebhook = '';

console.log(`Stand-ins listen. Start the server with

  WHATSAPP_URL=${whatsapp.url} TELEGRAM_URL=${telegram.url} npm start

and connect with POST /api/v1/channels/connections:

  ${JSON.stringify({ channel: 'whatsapp', ...whatsappAccount })}
  ${JSON.stringify({ channel: 'telegram', token: botToken })}

Then type:
  webhook <webhook_url of the WhatsApp connection>
  w <text>       a person writes on WhatsApp          wb <n>   presses the n-th button
  t <text>       a person writes on Telegram          tb <n>   presses the n-th button
  fault <code | timeout after accept | http 503>      goes wrong with the next WhatsApp send
`);

/** A file in words: JSON knows none. */
function named(_key: string, value: unknown): unknown {
  return value instanceof File ? `${value.name}, ${value.type}, ${value.size} bytes` : value;
}

/** Prints what was sent since the last look. */
let seenWhatsApp = 0;
let seenTelegram = 0;
setInterval(() => {
  for (const { type, body } of whatsapp.sent.slice(seenWhatsApp)) console.log(`WhatsApp ← ${type}: ${JSON.stringify(body[type])}`);
  for (const { method, params } of telegram.sent.slice(seenTelegram)) console.log(`Telegram ← ${method}: ${JSON.stringify(params, named)}`);
  seenWhatsApp = whatsapp.sent.length;
  seenTelegram = telegram.sent.length;
  for (const limit of [...whatsapp.broken.splice(0), ...telegram.broken.splice(0)]) console.log(`Refused: ${limit}`);
}, 200).unref();

const acts: Record<string, (rest: string) => unknown> = {
  webhook(url) {
    whatsappWebhook = url;
  },
  w: (text) => fromWhatsApp({ type: 'text', text: { body: text } }),
  wb(number) {
    const interactive = whatsapp.sent.findLast(({ type }) => type === 'interactive')?.body.interactive as { action: Options } | undefined;
    const options =
      interactive?.action.buttons?.map(({ reply }) => reply) ?? interactive?.action.sections?.flatMap(({ rows }) => rows) ?? [];
    const option = options[Number(number) - 1];
    return option && fromWhatsApp({ type: 'interactive', interactive: { type: 'button_reply', button_reply: option } });
  },
  t: (text) => fromTelegram(textUpdate(next(), person, text)),
  tb(number) {
    const markup = telegram.sent.findLast(({ params }) => params.reply_markup !== undefined)?.params.reply_markup as Markup | undefined;
    const key = markup?.inline_keyboard.flat()[Number(number) - 1];
    return key && fromTelegram(callbackUpdate(next(), person, key.callback_data));
  },
  fault(what) {
    whatsapp.faults.push((/^\d+$/.test(what) ? Number(what) : what) as never);
  },
};

interface Options {
  buttons?: { reply: { id: string; title: string } }[];
  sections?: { rows: { id: string; title: string }[] }[];
}
interface Markup {
  inline_keyboard: { callback_data: string }[][];
}

function next(): number {
  count += 1;
  return count;
}

async function fromWhatsApp(message: Record<string, unknown>): Promise<void> {
  if (whatsappWebhook === '') return console.log('Type first: webhook <webhook_url>');
  const seconds = Math.floor(Date.now() / 1000);
  const { body, headers } = signedWebhook(webhookBody(inbound(`wamid.in.${next()}`, { phone }, message, seconds)));
  await post(whatsappWebhook, body, headers);
}

async function fromTelegram(update: Record<string, unknown>): Promise<void> {
  if (telegram.webhook === null) return console.log('Connect the bot first');
  const headers = { 'Content-Type': 'application/json', 'X-Telegram-Bot-Api-Secret-Token': telegram.webhook.secret };
  await post(telegram.webhook.url, JSON.stringify(update), headers);
}

async function post(url: string, body: string, headers: Record<string, string>): Promise<void> {
  const { status } = await fetch(url, { method: 'POST', body, headers });
  console.log(`→ ${status}`);
}

for await (const line of createInterface({ input: process.stdin })) {
  const [, act = '', rest = ''] = /^(\w+)\s*(.*)$/.exec(line.trim()) ?? [];
  try {
    await (acts[act] ?? (() => console.log('Type one of: webhook, w, wb, t, tb, fault')))(rest);
  } catch (error) {
    console.error(`Cannot reach the server: ${(error as Error).message}`);
  }
}
await Promise.all([whatsapp.close(), telegram.close()]);
