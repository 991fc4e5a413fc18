/** What the terminal says once the server is up. */

/** The demo's creator and sign-in. */
export interface Demo {
  creatorId: string;
  email: string;
  /** Known only to the start that made it. */
  password: string | null;
}

/** The block with the addresses, and, on the very first start, the sign-in of the demo. */
export function welcome(origin: string, demo: Demo | null): string {
  const lines = ['', '  Compañero is up.', '', `    Page with the chat  ${origin}/`, `    API                 ${origin}/docs`];
  if (demo !== null) {
    lines.push(`    Demo creator        ${demo.creatorId}`, `    Sign in as          ${demo.email}`);
    if (demo.password !== null)
      lines.push(`    Password            ${demo.password}`, '', '  The password is shown only this once. Write it down.');
  }
  return `${lines.join('\n')}\n\n`;
}
