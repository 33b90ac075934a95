// Stripe's OpenAPI document as a judge: requests strictly (no unknown parameter, also nested), answers by their
// schemas (every required field, no field that Stripe does not have).
import { readFileSync } from 'node:fs';
import Ajv from 'ajv';
import qs from 'qs';

const PLACE = new URL('../fixtures/stripe-openapi-trimmed.json', import.meta.url);
const METHODS = { GET: 'get', POST: 'post', DELETE: 'delete' };

// What Stripe's answers have and its document of that day does not list.
const MORE_FIELDS = { api_errors: ['advice_code', 'network_decline_code'] };

// OpenAPI 3.0 says nullable where JSON Schema says null; objects are closed, so that nothing slips in.
const toJsonSchema = (node) => {
  if (Array.isArray(node)) return node.map(toJsonSchema);
  if (node === null || typeof node !== 'object') return node;
  const out = {};
  for (const [key, value] of Object.entries(node)) {
    if (key === 'nullable' || key.startsWith('x-') || key === 'format') continue;
    out[key] = toJsonSchema(value);
  }
  if (out.type === 'object' && out.properties && Object.keys(out.properties).length > 0) {
    out.additionalProperties ??= false;
  }
  return node.nullable === true ? { anyOf: [out, { type: 'null' }] } : out;
};

const load = () => {
  const document = JSON.parse(readFileSync(PLACE, 'utf8'));
  const schemas = toJsonSchema(document.components.schemas);
  for (const [name, fields] of Object.entries(MORE_FIELDS)) {
    for (const field of fields) schemas[name].properties[field] = { type: 'string' };
  }
  return { paths: document.paths, schemas };
};

const { paths, schemas } = load();
const options = { strict: false, allErrors: false, validateFormats: false };
const answers = new Ajv(options);
const requests = new Ajv({ ...options, coerceTypes: 'array' });
for (const ajv of [answers, requests]) {
  ajv.addSchema({ $id: 'stripe', components: { schemas } });
}

const absolute = (node) =>
  JSON.parse(JSON.stringify(node).replaceAll('"#/components/', '"stripe#/components/'));

const compiled = new Map();
const judge = (ajv, key, schema) => {
  if (!compiled.has(key)) compiled.set(key, ajv.compile(absolute(toJsonSchema(schema))));
  const validate = compiled.get(key);
  return (value) => (validate(value) ? null : ajv.errorsText(validate.errors));
};

const matches = (template, path) => {
  const [wanted, given] = [template.split('/'), path.split('/')];
  return (
    wanted.length === given.length &&
    wanted.every((part, i) => part === given[i] || (part.startsWith('{') && given[i] !== ''))
  );
};

export const operationOf = (method, path) => {
  const found = Object.keys(paths).filter((template) => matches(template, path));
  found.sort((a, b) => a.split('{').length - b.split('{').length);
  const template = found.find((candidate) => paths[candidate][METHODS[method]]);
  return template && { key: `${method} ${template}`, ...paths[template][METHODS[method]] };
};

// All operations of the document: {key, method, path}.
export const operations = () =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(METHODS)
      .filter(([, name]) => methods[name])
      .map(([method]) => ({ key: `${method} ${path}`, method, path })),
  );

// null when the answer is as documented, else what is wrong with it.
export const answerFault = ({ method, path, status, body }) => {
  if (status >= 400) return judge(answers, 'error', { $ref: '#/components/schemas/error' })(body);
  const operation = operationOf(method, path);
  if (!operation) return `no such operation: ${method} ${path}`;
  const schema = operation.responses['200'].content['application/json'].schema;
  return judge(answers, operation.key, schema)(body);
};

// The object inside an event has no schema there: it is judged by its own kind.
export const objectFault = (object) =>
  judge(answers, `object ${object.object}`, { $ref: `#/components/schemas/${object.object}` })(
    object,
  );

const querySchema = (operation) => ({
  type: 'object',
  additionalProperties: false,
  properties: Object.fromEntries(
    operation.parameters
      .filter((parameter) => parameter.in === 'query')
      .map((parameter) => [parameter.name, parameter.schema]),
  ),
});

// null when the request has only what the operation takes, else what is wrong with it.
export const requestFault = ({ method, path, form }) => {
  const operation = operationOf(method, path);
  if (!operation) return `no such operation: ${method} ${path}`;
  const schema =
    method === 'POST'
      ? operation.requestBody.content['application/x-www-form-urlencoded'].schema
      : querySchema(operation);
  return judge(requests, `${operation.key} request`, schema)(qs.parse(form, { depth: 8 }));
};
