/** The reference page of the environment variables, as text made from the table in `src/config.ts`. */
import { variables } from '../src/config.ts';

/** Where the page lives, from the root of the repository. */
export const configurationPath = 'docs/configuration.md';

/** The page in Markdown. */
export function configurationPage(): string {
  const rows = Object.entries(variables).map(([name, { meaning, fallback, ...rest }]) => {
    const absent = 'absent' in rest ? rest.absent : `\`${fallback}\``;
    return `| \`${name}\` | ${absent} | ${meaning} |`;
  });
  return `# Configuration

Generated from \`src/config.ts\` by \`npm run docs\`. Everything is optional: without any variable the server runs embedded, on one machine, with nothing installed beside it.
An empty variable counts as absent. Faults are reported all at once, and the process ends with exit code 1.

| variable | when absent | meaning |
| --- | --- | --- |
${rows.join('\n')}
`;
}
