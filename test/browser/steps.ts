/** What a person does with a chat on a page, and what they then see. */
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { bubbles, type Visit } from './chromium.ts';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** A small phone. */
export const phone = { viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true };

/** Writes into the open chat as a person does. */
export async function write({ chat }: Visit, text: string): Promise<void> {
  await chat.locator('textarea').fill(text);
  await chat.locator('textarea').press('Enter');
}

/** Waits until the bubbles are these. */
export async function expectBubbles({ chat }: Visit, texts: readonly string[]): Promise<void> {
  await expect.poll(() => bubbles(chat), { timeout: 15_000 }).toEqual(texts);
}

/** Waits until the locator finds so many. */
export async function expectCount(visited: Visit, selector: string, count: number): Promise<void> {
  await expect.poll(() => visited.chat.locator(selector).count(), { timeout: 10_000 }).toBe(count);
}

/** What axe finds wrong on the page, shadow roots included. */
export async function accessibilityFaults({ page }: Visit): Promise<string[]> {
  await page.evaluate(axeSource);
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } };
    const { violations } = await axe.run();
    return violations.map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.html).join(' ')}`);
  });
}

/** Keeps a picture of the page in the folder that `SCREENSHOTS` names; none is taken without. */
export async function photograph(page: Page, name: string): Promise<void> {
  const folder = process.env.SCREENSHOTS;
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: `${folder}/${name}.png` });
}
