/** Tells of a message that came while nobody looked, and leads to the conversation. The push says that there is one, never what is in it. */

self.addEventListener('push', (event) => event.waitUntil(tell(event.data.json())));

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(lead(event.notification.data));
});

// A page that was open before its worker is not yet its own.
const pages = () => self.clients.matchAll({ type: 'window', includeUncontrolled: true });
const isPageOf = (page, creatorId) => new URL(page.url).pathname === `/c/${creatorId}`;

async function tell({ creator_id: creatorId, conversation_id: conversationId }) {
  const isSeen = (await pages()).some((page) => isPageOf(page, creatorId) && page.visibilityState === 'visible');
  if (isSeen) return;
  const kept = await caches.match(`/c/${creatorId}/notice`);
  const { title, body } = (await kept?.json()) ?? { title: 'Chat', body: 'You have a new message' };
  await self.registration.showNotification(title, { body, tag: conversationId, renotify: true, data: creatorId });
}

async function lead(creatorId) {
  const page = (await pages()).find((open) => isPageOf(open, creatorId));
  await (page === undefined ? self.clients.openWindow(`/c/${encodeURIComponent(creatorId)}`) : page.focus());
}
