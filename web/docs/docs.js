/** The page at /docs: renders the OpenAPI document with text nodes only, so that nothing in it can run. */

const methods = ['get', 'post', 'put', 'patch', 'delete'];

/** @param {string} tag @param {Record<string, string>} attributes @param {...(Node | string)} children */
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** A schema or answer as indented JSON. */
function json(title, value) {
  return [element('h4', {}, title), element('pre', {}, JSON.stringify(value, null, 2))];
}

function parametersOf(operation) {
  const parameters = operation.parameters ?? [];
  if (parameters.length === 0) return [];
  const items = parameters.map(({ name, in: where, required, schema }) =>
    element('li', {}, element('code', {}, name), ` in ${where}${required ? ', required' : ''}${schema?.type ? `, ${schema.type}` : ''}`),
  );
  return [element('h4', {}, 'Parameters'), element('ul', {}, ...items)];
}

function answersOf(operation) {
  return Object.entries(operation.responses ?? {}).flatMap(([status, answer]) => {
    const schema = answer.content?.['application/json']?.schema;
    if (schema === undefined || schema.$ref !== undefined)
      return [element('p', {}, element('code', {}, status), ` ${answer.description ?? ''}`)];
    return json(`${status} ${answer.description ?? ''}`, schema);
  });
}

function operationElement(path, method, operation) {
  const open = (operation.security ?? []).length === 0;
  const summary = element(
    'summary',
    {},
    element('span', { class: 'method' }, method.toUpperCase()),
    element('code', {}, path),
    ` ${operation.summary ?? ''} `,
  );
  if (open) summary.append(element('span', { class: 'public' }, 'public'));
  const requestSchema = operation.requestBody?.content?.['application/json']?.schema;
  const inner = element('div', {});
  if (operation.description) inner.append(element('p', {}, operation.description));
  inner.append(...parametersOf(operation));
  if (requestSchema) inner.append(...json('Body', requestSchema));
  inner.append(...answersOf(operation));
  return element('details', { 'data-words': `${path} ${operation.summary ?? ''}`.toLowerCase() }, summary, inner);
}

function render(description, target) {
  const groups = new Map();
  for (const [path, operations] of Object.entries(description.paths)) {
    for (const method of methods) {
      const operation = operations[method];
      if (operation === undefined) continue;
      const tag = operation.tags?.[0] ?? 'other';
      groups.set(tag, [...(groups.get(tag) ?? []), operationElement(path, method, operation)]);
    }
  }
  target.replaceChildren(...[...groups].map(([tag, elements]) => element('section', {}, element('h2', {}, tag), ...elements)));
}

const target = document.querySelector('#operations');
const response = await fetch('/openapi.json');
if (response.ok) render(await response.json(), target);
else target.replaceChildren(element('p', {}, `Cannot load /openapi.json: status ${response.status}`));

document.querySelector('#find').addEventListener('input', (event) => {
  const words = event.target.value.toLowerCase();
  for (const item of document.querySelectorAll('details')) item.hidden = !item.dataset.words.includes(words);
});
