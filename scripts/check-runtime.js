/** Stops a runtime that is too old with one plain sentence. JavaScript, so that an old Node can still read it. */
const major = Number(process.versions.node.split('.')[0]);
if (!('Deno' in globalThis) && major < 24) {
  console.error(
    `Compañero needs Node 24 or newer, and this is Node ${process.versions.node}. Run it with "npm start": npm ci has installed Node 24 beside it.`,
  );
  process.exit(1);
}
