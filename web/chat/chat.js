/** Lets the person be told of messages while the page is closed: asks on their click, subscribes with the browser, and tells the server. */

/** The page's own words. */
const words = {
  en: ['Tell me of new messages', 'You have a new message'],
  es: ['Avisarme de mensajes nuevos', 'Tienes un mensaje nuevo'],
  pt: ['Avisar-me de novas mensagens', 'Tem uma nova mensagem'],
  de: ['Über neue Nachrichten informieren', 'Du hast eine neue Nachricht'],
  fr: ['M’avertir des nouveaux messages', 'Vous avez un nouveau message'],
  ar: ['نبّهني إلى الرسائل الجديدة', 'لديك رسالة جديدة'],
  he: ['להודיע לי על הודעות חדשות', 'יש לך הודעה חדשה'],
};

const creator = document.querySelector('companero-chat').getAttribute('creator');
const button = document.getElementById('notify');
const language = navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag in words) ?? 'en';
const [label, notice] = words[language];
const home = `/api/v1/channels/widget/${creator}/push`;

/** The token under which the widget keeps its session in this browser; null before there is one. */
function sessionToken() {
  return JSON.parse(localStorage.getItem(`companero:${creator}:session`))?.token ?? null;
}

async function tellServer(method, body) {
  const headers = { authorization: `Bearer ${sessionToken()}`, 'content-type': 'application/json' };
  const answer = await fetch(`${home}/subscriptions`, { method, headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`Cannot change the subscription: status "${answer.status}"`);
}

async function subscribe(registration, key) {
  if ((await Notification.requestPermission()) !== 'granted') return null;
  const subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  await tellServer('POST', subscription.toJSON());
  return subscription;
}

async function unsubscribe(subscription) {
  await tellServer('DELETE', { endpoint: subscription.endpoint });
  await subscription.unsubscribe();
  return null;
}

/** The next start of the page tells the server again. */
function onceMore() {}

function show(subscription) {
  button.setAttribute('aria-pressed', String(subscription !== null));
  button.hidden = Notification.permission === 'denied';
}

async function offer() {
  if (!('serviceWorker' in navigator && 'PushManager' in window)) return;
  const answer = await fetch(home);
  if (!answer.ok) return;
  const { public_key: key } = await answer.json();
  await navigator.serviceWorker.register('/c/worker.js');
  const registration = await navigator.serviceWorker.ready;
  // The worker has no other way to know them once the page is closed.
  await (await caches.open('notices')).put(`/c/${creator}/notice`, Response.json({ title: document.title, body: notice }));
  let subscription = await registration.pushManager.getSubscription();
  // Heals what the server may have lost, and what was another conversation's.
  if (subscription !== null && sessionToken() !== null) tellServer('POST', subscription.toJSON()).catch(onceMore);
  button.textContent = label;
  button.lang = language;
  button.dir = 'auto';
  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      subscription = subscription === null ? await subscribe(registration, key) : await unsubscribe(subscription);
    } catch {
      // Without a network, or without the browser's push service: the button stays as it was and can be pressed again.
    }
    button.disabled = false;
    show(subscription);
  });
  show(subscription);
}

/** Goes on with a conversation of another channel: `#link=KEY`, which leaves the address at once. */
async function goOn() {
  const key = new URLSearchParams(location.hash.slice(1)).get('link');
  if (key === null) return;
  history.replaceState(null, '', location.pathname);
  await customElements.whenDefined('companero-chat');
  await document.querySelector('companero-chat').join(key);
}

// A key that is used or has run out leaves the page with its own conversation.
goOn().catch(() => undefined);
// Without a network there is nothing to offer; the chat says so itself.
offer().catch(() => undefined);
