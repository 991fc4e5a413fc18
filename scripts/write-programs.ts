/** Writes `docs/programs.md`. */
import { writeFileSync } from 'node:fs';
import { programsPage, programsPath } from './programs-page.ts';

writeFileSync(programsPath, programsPage());
