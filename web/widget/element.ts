/** The custom element `<companero-chat>`: attributes, shadow root, opening and closing, and the element's own events. */
import { chooseLanguage, isShownOn, readAppearance } from './appearance.ts';
import { chatDepsOf } from './browser.ts';
import { type Chat, createChat } from './chat.ts';
import { createLauncher, type Launcher } from './launcher.ts';
import { usableStorage } from './outbox.ts';
import { createPanel, type Panel, type PanelLook } from './panel.ts';
import type { MessageFrame } from './protocol.ts';
import type { ContactHints, LinkKey } from './session.ts';
import { createSound } from './sound.ts';
import { sheetFor, styleSheet } from './styles.ts';
import { createVisit, type Visit } from './visit.ts';
import { directionOf, english, loadWords, type Words } from './words.ts';

/** Where the widget was loaded from: the server it talks to unless the element says another. */
let home = '';

/** Sets the server's origin for elements without a `server` attribute. */
export function setHome(origin: string): void {
  home = origin;
}

/** Where the open panel covers the page (styles.ts), it opens only for whoever asks. */
const coversPage = () => window.matchMedia('(max-width: 480px)').matches;

/** How long the chat stays unseen while its colours and words are on their way: what is shown does not change under the eye. */
const dressWithinMs = 2_000;

/**
 * `<companero-chat creator="…">`. Attributes, read when it is put into the page: `creator`, `mode` (`bubble` or `inline`), `server`
 * (origin), `language` (BCP 47), `entry`, `theme` (`light` or `dark`). Events: `companero:message`, `companero:open`, `companero:close`.
 */
export class CompaneroChat extends HTMLElement {
  #chat: Chat | null = null;
  #panel: Panel | null = null;
  #launcher: Launcher | null = null;
  #isOpen = false;
  #frame = 0;
  #leaving: AbortController | null = null;
  #config: unknown = null;
  #hints: ContactHints = {};
  #sound = createSound();
  #cancelOpening = () => {};
  #visit: Visit = { panel: null };
  #spoken: { language: string; words: Promise<Words> } | null = null;
  #server = '';

  connectedCallback(): void {
    const creator = this.getAttribute('creator');
    if (creator === null || creator === '') return;
    const isInline = this.#isInline();
    const deps = chatDepsOf(this, home, creator, this.#hints);
    const chat = createChat(deps, {
      changed: () => this.#schedule(),
      message: (message, isFresh) => this.#heard(message, isFresh),
      notice: (notice) => this.#panel?.notify(notice),
      config: (config) => this.#configured(config),
    });
    this.#chat = chat;
    this.#visit = createVisit(
      usableStorage(() => window.sessionStorage),
      creator,
    );
    // The panel goes with the person from page to page of the site, without taking the keyboard from them.
    const isKept = !isInline && this.#visit.panel === 'open' && !coversPage();
    this.#server = deps.server;
    this.#build(isInline, isInline || isKept);
    this.#listen(chat);
    void this.#dress();
    window.setTimeout(() => this.#reveal(), dressWithinMs);
    if (this.#isOpen || chat.hasSession) chat.start();
    else chat.loadConfig();
    this.#schedule();
  }

  disconnectedCallback(): void {
    this.#leaving?.abort();
    this.#cancelOpening();
    this.#chat?.stop();
    this.#chat = null;
  }

  /** Opens the bubble's panel and puts the keyboard into it. */
  open(): void {
    if (this.#isInline()) return;
    this.#show();
    this.#panel?.focus();
  }

  #show(): void {
    if (this.#isOpen) return;
    this.#cancelOpening();
    this.#setOpen(true);
    this.#reveal();
    this.#chat?.start();
    this.#panel?.follow();
    this.#tell('companero:open', {});
  }

  /** Closes the panel; the keyboard returns to the launcher. */
  close(): void {
    if (!this.#isOpen) return;
    this.#setOpen(false);
    this.#visit.panel = 'closed';
    this.#launcher?.focus();
    this.#tell('companero:close', {});
  }

  /** Sends as if the person had written it. Kept until the server has it. */
  send(text: string): void {
    this.#chat?.start();
    this.#chat?.send(String(text));
  }

  /** Tells the server who writes. */
  identify(contact: ContactHints): void {
    const known = Object.entries(contact).filter(([key, value]) => ['name', 'zone', 'language'].includes(key) && typeof value === 'string');
    this.#hints = { ...this.#hints, ...Object.fromEntries(known) };
    this.#chat?.identify(this.#hints);
  }

  /**
   * A one-use key, good for ten minutes, that lets the person go on in another channel: `urls` has an address for each the creator has.
   *
   * @throws CallFailure
   */
  async link(): Promise<LinkKey> {
    return this.#started().newLink();
  }

  /** Goes on with the conversation of a key that another channel gave. @throws CallFailure */
  async join(key: string): Promise<void> {
    return this.#started().join(String(key));
  }

  #started(): Chat {
    const chat = this.#chat;
    if (chat === null) throw new Error('Put the element into the page first');
    chat.start();
    return chat;
  }

  #isInline(): boolean {
    return this.getAttribute('mode') === 'inline';
  }

  #build(isInline: boolean, isOpen: boolean): void {
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
    const panel = createPanel(this.#look(english), () => this.#chat as Chat, {
      isInline,
      close: () => this.close(),
      toggleSound: this.#sound.toggle,
      isSoundOn: () => this.#sound.isOn,
    });
    this.#panel = panel;
    // Who uses the open panel wants it open; one that opened by itself and was never used stays on its page.
    panel.element.addEventListener('focusin', () => {
      if (!isInline) this.#visit.panel = 'open';
    });
    this.#launcher = isInline ? null : createLauncher(() => (this.#isOpen ? this.close() : this.open()));
    root.replaceChildren(panel.element, ...(this.#launcher === null ? [] : [this.#launcher.element]));
    root.adoptedStyleSheets = [styleSheet()];
    this.#setOpen(isOpen);
  }

  #look(words: Words): PanelLook {
    const appearance = readAppearance(this.#config);
    const language = this.getAttribute('language') ?? chooseLanguage(navigator.languages, appearance.languages);
    return { appearance, language, words, direction: directionOf(language) };
  }

  /** Puts on the creator's colours and the person's language, as far as they are known. */
  async #dress(): Promise<void> {
    const { language } = this.#look(english);
    if (this.#spoken?.language !== language) this.#spoken = { language, words: loadWords(fetch.bind(window), this.#server, language) };
    const look = this.#look(await this.#spoken.words);
    // The configuration may have come meanwhile and ask for another language.
    if (look.language !== language || this.shadowRoot === null) return;
    const theme = this.getAttribute('theme') ?? look.appearance.scheme;
    this.shadowRoot.adoptedStyleSheets = [styleSheet(), sheetFor(look.appearance, theme)];
    this.#panel?.setLook(look);
    this.#launcher?.setLook(look);
    this.#schedule();
  }

  #reveal(): void {
    this.toggleAttribute('ready', true);
  }

  #configured(config: unknown): void {
    this.#config = config;
    this.#placeOnPage();
    this.#openByItself();
    void this.#dress().then(() => this.#reveal());
  }

  /** The creator may keep the bubble off some pages. */
  #placeOnPage = (): void => {
    const { pages } = readAppearance(this.#config);
    if (!this.#isInline()) this.toggleAttribute('hidden', !isShownOn(window.location.pathname, pages));
  };

  /** Once a visit, unless it has been opened or closed before; the keyboard stays where it is. */
  #openByItself(): void {
    const { openAfterMs } = readAppearance(this.#config);
    this.#cancelOpening();
    if (openAfterMs === null || this.#isOpen || this.#isInline() || this.#visit.panel !== null || coversPage()) return;
    const timer = window.setTimeout(() => {
      this.#visit.panel = 'closed';
      if (!this.hidden) this.#show();
    }, openAfterMs);
    this.#cancelOpening = () => window.clearTimeout(timer);
  }

  #setOpen(isOpen: boolean): void {
    this.#isOpen = isOpen;
    if (this.#panel !== null) this.#panel.element.hidden = !isOpen;
    this.toggleAttribute('opened', isOpen && !this.#isInline());
    this.#schedule();
  }

  /** Draws with the next frame, however many things change before it. */
  #schedule(): void {
    if (this.#frame !== 0) return;
    // A page in the background gets no frames, and its launcher must still count what arrives.
    const soon = document.visibilityState === 'visible' ? requestAnimationFrame : (call: () => void) => window.setTimeout(call, 0);
    this.#frame = soon(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw(): void {
    const chat = this.#chat;
    if (chat === null) return;
    if (this.#isOpen) this.#panel?.draw(chat, Date.now());
    if (this.#isOpen && document.visibilityState === 'visible' && !this.#isUnseen()) chat.read();
    this.#launcher?.setState(this.#isOpen, this.#isOpen ? 0 : chat.unread);
  }

  /** An inline chat far down the page has not been read yet. */
  #isUnseen(): boolean {
    const { top, bottom } = this.getBoundingClientRect();
    return this.#isInline() && (bottom < 0 || top > window.innerHeight);
  }

  #heard(message: MessageFrame, isFresh: boolean): void {
    if (isFresh && message.role !== 'contact') {
      this.#panel?.announce(message);
      this.#sound.play();
    }
    const { seq, id, role, text, at } = message;
    if (isFresh) this.#tell('companero:message', { seq, id, role, text, at });
  }

  #tell(name: string, detail: object): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }

  #listen(chat: Chat): void {
    this.#leaving = new AbortController();
    const { signal } = this.#leaving;
    const awake = () => {
      if (document.visibilityState === 'visible') chat.wake();
      this.#schedule();
    };
    window.addEventListener('online', awake, { signal });
    document.addEventListener('visibilitychange', awake, { signal });
    window.addEventListener('pageshow', awake, { signal });
    // Sites that change their address without loading a page.
    for (const name of ['popstate', 'hashchange']) window.addEventListener(name, this.#placeOnPage, { signal });
    window.navigation?.addEventListener('currententrychange', this.#placeOnPage, { signal });
    window.addEventListener('storage', (event) => event.key !== null && chat.storageChanged(event.key), { signal });
    window.addEventListener('scroll', () => chat.unread > 0 && this.#schedule(), { signal, passive: true });
    this.addEventListener(
      'keydown',
      (event) => {
        if (event.key !== 'Escape' || this.#isInline() || event.isComposing) return;
        event.stopPropagation();
        this.close();
      },
      { signal },
    );
    this.#followKeyboard(signal);
  }

  /** On a phone the on-screen keyboard covers the page: the panel takes only what stays visible. */
  #followKeyboard(signal: AbortSignal): void {
    const view = window.visualViewport;
    const fitView = () => {
      this.style.setProperty('--view-height', `${view?.height ?? window.innerHeight}px`);
      this.style.setProperty('--view-top', `${view?.offsetTop ?? 0}px`);
      if (this.#isOpen && !this.#isInline()) this.#panel?.follow();
    };
    if (this.#isInline() || view === null) return;
    view.addEventListener('resize', fitView, { signal });
    view.addEventListener('scroll', fitView, { signal });
    fitView();
  }
}
