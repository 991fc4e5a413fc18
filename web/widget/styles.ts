/** The widget's own style sheet, adopted by the shadow root so that a strict content policy of the host page is no obstacle. */
import { type Appearance, inkOn } from './appearance.ts';

const css = `
:host {
  --accent: #0b6655; --on-accent: #fff; --strong: light-dark(#0b6655, #63b3a1);
  --paper: light-dark(#fff, #1a1d21); --tint: light-dark(#f2f3f5, #272b31); --person: light-dark(#fbf1e0, #352c1d);
  --ink: light-dark(#1b1f24, #eceef0); --soft: light-dark(#59616b, #a9b1bb); --line: light-dark(#e3e6ea, #30353c);
  --focus: light-dark(#0b5fcc, #8ab8ff); --alert: light-dark(#a3261b, #ff9a8f); --edge: light-dark(#868e99, #717a86);
  color-scheme: light dark;
  font: 400 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  color: var(--ink); letter-spacing: normal; text-align: start; text-transform: none; -webkit-text-size-adjust: 100%;
}
:host(:not([mode=inline])) { position: fixed; inset-block-end: max(20px, env(safe-area-inset-bottom)); inset-inline-end: auto; right: max(20px, env(safe-area-inset-right)); z-index: 2147483000; }
:host([mode=inline]) { display: block; height: 560px; min-height: 320px; }
:host([hidden]), [hidden] { display: none !important; }
:host(:not([ready])) { visibility: hidden; }
*, ::before, ::after { box-sizing: border-box; }
button, textarea { font: inherit; color: inherit; letter-spacing: inherit; }
button { cursor: pointer; border: 0; background: none; padding: 0; -webkit-tap-highlight-color: transparent; }
:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
svg { width: 22px; height: 22px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; display: block; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

.launcher { position: relative; display: flex; align-items: center; gap: 10px; min-width: 56px; height: 56px; padding: 0 17px; border-radius: 28px; margin-inline-start: auto;
  background: var(--accent); color: var(--on-accent); font-weight: 600; box-shadow: 0 2px 6px rgb(0 0 0 / .14), 0 10px 28px rgb(0 0 0 / .18); transition: transform .16s ease; }
.launcher:hover { transform: translateY(-2px); }
.launcher:focus-visible { outline-offset: 3px; box-shadow: 0 0 0 3px var(--paper); }
.badge { position: absolute; inset-block-start: -4px; inset-inline-end: -4px; min-width: 22px; height: 22px; padding: 0 6px; border-radius: 11px; background: #c0281c; color: #fff; font-size: 12px; line-height: 22px; font-weight: 700; text-align: center; }

.panel { display: flex; flex-direction: column; overflow: hidden; background: var(--paper); border: 1px solid var(--line); border-radius: var(--radius, 18px); height: 100%; }
:host(:not([mode=inline])) .panel { position: absolute; bottom: 72px; right: 0; width: 384px; height: min(620px, calc(100dvh - 116px)); box-shadow: 0 4px 12px rgb(0 0 0 / .08), 0 24px 64px rgb(0 0 0 / .2); animation: rise .2s cubic-bezier(.2, .8, .3, 1); }
.header { display: flex; align-items: center; gap: 12px; padding: 14px 16px; border-bottom: 1px solid var(--line); }
.avatar { width: 36px; height: 36px; border-radius: 50%; object-fit: cover; }
.names { flex: 1; min-width: 0; }
.title { margin: 0; font-size: 16px; line-height: 1.35; font-weight: 650; letter-spacing: -.01em; }
.subtitle, .progress { margin: 1px 0 0; color: var(--soft); font-size: 13px; line-height: 1.4; }
.progress { font-variant-numeric: tabular-nums; }
.progress::before { content: ""; display: inline-block; width: 7px; height: 7px; border-radius: 50%; background: var(--strong); margin-inline-end: 7px; vertical-align: 1px; }
.icon { display: grid; place-items: center; width: 36px; height: 36px; margin: -5px -8px -5px 0; border-radius: 50%; color: var(--soft); }
[dir=rtl] .names > * { text-align: right; }
[dir=rtl] .icon { margin: -5px 0 -5px -8px; }
.icon:hover { background: var(--tint); color: var(--ink); }
.status { padding: 9px 16px; font-size: 13px; line-height: 1.4; background: light-dark(#fdf0dc, #3a2f1b); color: light-dark(#6b4300, #f5d9a8); }
.status.calm { background: var(--tint); color: var(--soft); }

.status:not([hidden]) + .log-frame .empty { visibility: hidden; }
.log-frame { position: relative; flex: 1; min-height: 0; }
.log { height: 100%; overflow: hidden auto; overscroll-behavior: contain; padding: 14px 16px 10px; scrollbar-width: thin; scrollbar-color: var(--line) transparent; }
.log:focus-visible { outline-offset: -3px; border-radius: 6px; }
.rows { display: flex; flex-direction: column; }
.empty { margin: 0; padding: 20vh 24px 0; text-align: center; color: var(--soft); text-wrap: balance; white-space: pre-wrap; }
:host([mode=inline]) .empty { padding-block-start: 28%; }
.day { display: flex; align-items: center; gap: 12px; margin: 14px 0 8px; font-size: 12px; color: var(--soft); }
.day:first-child { margin-block-start: 2px; }
.day::before, .day::after { content: ""; flex: 1; height: 1px; background: var(--line); }
.row { display: flex; flex-direction: column; align-items: flex-start; margin-block-start: 12px; max-width: 86%; }
.row.enters { animation: appear .18s ease-out; }
.row.joins { margin-block-start: 3px; }
.row:has(.offer, .sources) + .joins { margin-block-start: 12px; }
.day + .row { margin-block-start: 4px; }
.row.mine { align-self: flex-end; align-items: flex-end; }
.bubble { padding: 9px 14px; border-radius: 18px; background: var(--tint); white-space: pre-wrap; overflow-wrap: anywhere; max-width: 100%; min-height: 40px; }
.theirs .bubble { border-end-start-radius: 6px; }
.mine .bubble { background: var(--accent); color: var(--on-accent); border-end-end-radius: 6px; }
.spoken { font-style: italic; }
.person .bubble { background: var(--person); }
.waiting .bubble { opacity: .72; }
.refused .bubble { background: var(--paper); color: var(--ink); border: 1px solid var(--alert); }
.bubble a { color: inherit; text-underline-offset: 2px; }
.stream .bubble::after { content: ""; display: inline-block; width: 2px; height: 1.05em; margin-inline-start: 2px; vertical-align: -.17em; background: currentColor; animation: blink 1s steps(2) infinite; }
.writer { margin: 0 4px 3px; font-size: 12px; font-weight: 600; color: var(--soft); }
.media { max-width: 100%; border-radius: 14px; margin: 0 0 4px; overflow-wrap: anywhere; color: inherit; }
a.media:not(:has(img)) { display: flex; align-items: center; gap: 10px; padding: 9px 14px; border: 1px solid var(--line); text-decoration: none; }
a.media:hover { text-decoration: underline; }
.media svg { flex: none; color: var(--soft); }
.media img { display: block; max-width: 100%; height: auto; border-radius: 14px; background: var(--tint); }
.media img:not([height]) { max-height: 260px; min-height: 40px; }
/* A picture with words is one card, unless it is too small for one. */
.media:has(.large):has(+ .bubble) { margin: 0 0 2px; }
.media:has(+ .bubble) .large { width: 260px; max-height: 260px; object-fit: cover; border-end-start-radius: 4px; border-end-end-radius: 4px; }
.media:has(.large) + .bubble { border-start-start-radius: 4px; border-start-end-radius: 4px; width: 260px; }
video.media { max-height: 260px; }
.foot { margin: 3px 4px 0; font-size: 11.5px; line-height: 1.4; color: var(--soft); display: flex; flex-wrap: wrap; align-items: center; gap: 0 10px; font-variant-numeric: tabular-nums; }
.foot.hidden { margin: 0; }
.row:has(+ .row.joins) > .foot:not(.refusal) { display: none; }
.refusal { color: var(--alert); font-size: 12.5px; }
.link { color: var(--ink); text-decoration: underline; text-underline-offset: 2px; min-height: 24px; }
.offer { display: flex; flex-wrap: wrap; gap: 8px; margin-block-start: 8px; }
.offer.list { flex-direction: column; gap: 0; align-self: stretch; border: 1px solid var(--line); border-radius: 14px; overflow: hidden; }
.list .choice { border: 0; border-radius: 0; }
.list > * + .choice, * + .section { border-top: 1px solid var(--line); }
.list small { display: block; font-weight: 400; }
.section { padding: 8px 16px 6px; font-size: 12px; font-weight: 600; color: var(--soft); background: var(--tint); }
.choice { min-height: 40px; padding: 7px 16px; border: 1.5px solid var(--strong); border-radius: 20px; color: var(--ink); font-weight: 550; text-align: start; transition: background .12s; }
@media (hover: hover) { .choice:enabled:hover { background: var(--tint); } }
.choice:disabled { cursor: default; border-color: var(--line); color: var(--soft); font-weight: 400; }
.choice.chosen:disabled { background: var(--tint); color: var(--ink); font-weight: 550; }
.choice.chosen::before { content: "✓"; margin-inline-end: 7px; }
.sources { display: flex; flex-direction: column; gap: 4px; margin-block-start: 6px; width: 100%; }
details { border: 1px solid var(--line); border-radius: 12px; font-size: 13px; max-width: 100%; }
summary { display: flex; align-items: center; padding: 7px 12px; cursor: pointer; list-style: none; color: var(--soft); border-radius: 12px; }
summary::-webkit-details-marker { display: none; }
summary::after { content: "▾" / ""; margin-inline-start: auto; padding-inline-start: 10px; }
summary:focus-visible { outline-offset: -2px; }
[open] > summary::after { rotate: x 180deg; }
summary:hover, details[open] summary { color: var(--ink); }
.number { display: inline-grid; place-items: center; min-width: 18px; height: 18px; margin-inline-end: 8px; border-radius: 9px; background: var(--tint); font-size: 11px; font-weight: 650; }
blockquote { margin: 0 12px 10px; padding-inline-start: 10px; border-inline-start: 2px solid var(--line); white-space: pre-wrap; overflow-wrap: anywhere; max-height: 180px; overflow: auto; }
.dots { display: flex; gap: 4px; width: max-content; margin-block-start: 12px; padding: 14px 15px; border-radius: 18px; border-end-start-radius: 6px; background: var(--tint); }
.dots i { width: 6px; height: 6px; border-radius: 50%; background: var(--soft); animation: bounce 1.2s infinite ease-in-out; }
.dots i:nth-child(2) { animation-delay: .15s; }
.dots i:nth-child(3) { animation-delay: .3s; }
.latest { position: absolute; inset-block-end: 10px; inset-inline-end: 16px; width: 40px; height: 40px; border-radius: 50%; display: grid; place-items: center; background: var(--paper); border: 1px solid var(--line); box-shadow: 0 4px 14px rgb(0 0 0 / .14); }

.asking { display: flex; flex-wrap: wrap; align-items: center; gap: 8px; padding: 10px 0 0; padding-inline: 16px 12px; }
.ends { display: flex; justify-content: space-between; gap: 8px; flex-basis: 100%; padding: 0 4px; text-align: center; }
.asking .offer { flex: 1; margin: 0; max-height: 30vh; overflow: auto; padding: 3px; }
.asking form { flex: 1; min-width: 0; display: flex; align-items: center; gap: 8px; }
.asking input { flex: 1; min-width: 0; min-height: 44px; padding: 0 15px; font: inherit; font-size: 16px; color: inherit; border: 1px solid var(--edge); border-radius: 22px; background: var(--paper); }
.scale, .mood { flex-wrap: nowrap !important; gap: min(5px, .7vw) !important; }
.scale .choice, .mood .choice { flex: 1 1 0; min-width: 22px; padding: 6px 2px; border-radius: 12px; text-align: center; display: flex; flex-direction: column; align-items: center; justify-content: center; font-size: 13px; line-height: 1.25; overflow-wrap: anywhere; }
.mood .choice { justify-content: start; font-weight: 450; font-size: 12px; }
.mood b { font: 24px/1.3 system-ui; }
small { font-size: 11px; color: var(--soft); }
.capture { display: flex; align-items: center; gap: 8px; min-height: 44px; border-radius: 22px; }
.recording { border-color: var(--alert); color: var(--alert); }
.recording + time { align-self: center; font-variant-numeric: tabular-nums; }
.recording svg { fill: currentColor; }
.files { list-style: none; display: flex; flex-wrap: wrap; gap: 6px; margin: 0; padding: 0; flex-basis: 100%; }
.file { display: flex; gap: 8px; align-items: center; max-width: 100%; padding: 3px 12px; border: 1px solid var(--line); border-radius: 14px; font-size: 13px; overflow-wrap: anywhere; }
.file .link { min-width: 24px; text-decoration: none; }
.pending span { opacity: .6; }
.failed { color: var(--alert); }
.attach { height: 44px; margin: 0 !important; margin-inline-start: -6px !important; flex: none; }
.composer { display: flex; flex-wrap: wrap; align-items: flex-end; gap: 8px; padding: 10px 12px max(12px, env(safe-area-inset-bottom)); }
:host([mode=inline]) .composer { padding-bottom: 12px; }
textarea { flex: 1; min-width: 0; min-height: 44px; max-height: 140px; padding: 10px 15px; resize: none; font-size: 16px; line-height: 1.4; border: 1px solid var(--edge); border-radius: 22px; background: var(--paper); overflow-y: auto; scrollbar-width: none; }
textarea::placeholder { color: var(--soft); opacity: 1; }
textarea:focus-visible { outline-width: 1px; outline-offset: 0; border-color: var(--focus); }
textarea:disabled { opacity: .6; }
.send { display: grid; place-items: center; flex: none; width: 44px; height: 44px; border-radius: 50%; background: var(--accent); color: var(--on-accent); transition: opacity .12s; }
.send:disabled { cursor: default; background: var(--tint); color: var(--soft); }

@keyframes rise { from { opacity: 0; transform: translateY(10px); } }
@keyframes appear { from { opacity: 0; transform: translateY(4px); } }
@keyframes blink { to { visibility: hidden; } }
@keyframes bounce { 0%, 60%, 100% { transform: none; opacity: .5; } 30% { transform: translateY(-4px); opacity: 1; } }

@media (max-width: 480px) {
  :host([opened]:not([mode=inline])) { inset: 0; right: 0; }
  :host([opened]:not([mode=inline])) .launcher { display: none; }
  :host(:not([mode=inline])) .panel { position: fixed; inset: var(--view-top, 0) 0 auto 0; width: 100%; height: var(--view-height, 100dvh); border: 0; border-radius: 0; padding-top: env(safe-area-inset-top); animation: none; }
  .icon { width: 44px; height: 44px; margin-block: -8px; }
}
@media (prefers-reduced-motion: reduce) {
  *, ::before, ::after { animation: none !important; transition: none !important; }
}
@media (forced-colors: active) {
  .bubble, .send, .launcher, .dots { border: 1px solid; }
}
`;

let shared: CSSStyleSheet | null = null;

/** The one sheet all elements of the page share. */
export function styleSheet(): CSSStyleSheet {
  if (shared === null) {
    shared = new CSSStyleSheet();
    shared.replaceSync(css);
  }
  return shared;
}

/** What the creator chose: colour, scheme and side. */
export function sheetFor(appearance: Appearance, theme: string): CSSStyleSheet {
  const sheet = new CSSStyleSheet();
  const { accent, side } = appearance;
  const rules = [
    accent === '' ? '' : `--accent: ${accent}; --on-accent: ${inkOn(accent)}; --strong: var(--soft);`,
    theme === 'light' || theme === 'dark' ? `color-scheme: ${theme};` : '',
  ];
  const left =
    ':host(:not([mode=inline])) { right: auto; left: max(20px, env(safe-area-inset-left)); } :host(:not([mode=inline])) .panel { right: auto; left: 0; }';
  sheet.replaceSync(`:host { ${rules.join(' ')} } ${side === 'left' ? left : ''}`);
  return sheet;
}
