// The SDK's types as a judge: answers become typed literals, and TypeScript says what is wrong with them. It finds a
// wrong enumeration value, a wrong type, a missing field and one too many. The SDK is newer than the API version that
// the emulator speaks; what has changed between them is listed in CHANGES, and nothing else is forgiven.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const HERE = dirname(fileURLToPath(import.meta.url));
const SOURCE = join(HERE, 'answers.ts');

const TYPES = {
  account: 'Account',
  account_link: 'AccountLink',
  balance: 'Balance',
  balance_transaction: 'BalanceTransaction',
  capability: 'Capability',
  charge: 'Charge',
  dispute: 'Dispute',
  event: 'Event',
  login_link: 'LoginLink',
  payment_intent: 'PaymentIntent',
  payout: 'Payout',
  refund: 'Refund',
  transfer: 'Transfer',
  transfer_reversal: 'TransferReversal',
  webhook_endpoint: 'WebhookEndpoint',
};

// By kind of object, or a hash inside one: fields that are gone since, and fields that are required since.
const CHANGES = {
  'account.business_profile': {
    added: ['minority_owned_business_designation', 'specified_commercial_transactions_act_url'],
  },
  'account.settings.bacs_debit_payments': { added: ['display_name', 'service_user_number'] },
  'account.settings.payments': {
    added: ['statement_descriptor_prefix_kana', 'statement_descriptor_prefix_kanji'],
  },
  balance_transaction: { added: ['balance_type'] },
  charge: { gone: ['invoice'], added: ['source'] },
  'charge.billing_details': { added: ['tax_id'] },
  'charge.outcome': { added: ['advice_code', 'network_advice_code', 'network_decline_code'] },
  'charge.payment_method_details.card': {
    added: [
      'amount_authorized',
      'authorization_code',
      'electronic_commerce_indicator',
      'network_transaction_id',
      'regulated_status',
      'transaction_link_id',
    ],
  },
  'charge.payment_method_details.card.three_d_secure': {
    added: ['electronic_commerce_indicator', 'exemption_indicator', 'transaction_id'],
  },
  'charge.payment_method_details.us_bank_account': { added: ['payment_reference'] },
  dispute: { added: ['enhanced_eligibility_types', 'intended_submission_method'] },
  'dispute.evidence': { added: ['enhanced_evidence'] },
  'dispute.evidence_details': { added: ['enhanced_eligibility', 'submission_method'] },
  'dispute.payment_method_details.card': { added: ['case_type', 'network'] },
  payment_intent: {
    gone: ['invoice'],
    added: [
      'allowed_payment_method_types',
      'customer_account',
      'excluded_payment_method_types',
      'managed_payments',
      'payment_method_configuration_details',
      'payment_record',
      'source',
    ],
  },
  payment_method: { added: ['customer_account'] },
  'payment_method.card': { added: ['display_brand', 'regulated_status'] },
  'payment_method.billing_details': { added: ['tax_id'] },
  payout: { added: ['application_fee', 'application_fee_amount', 'payout_method', 'trace_id'] },
  refund: { added: ['customer', 'customer_account', 'payment_method'] },
};

const literal = (value, place) => {
  if (Array.isArray(value)) return `[${value.map((item) => literal(item, place)).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const here = value.object && value.object !== 'list' ? value.object : place;
  const { gone = [], added = [] } = CHANGES[here] ?? {};
  const fields = Object.entries(value)
    .filter(([name, item]) => !gone.includes(name) && item !== undefined)
    .map(([name, item]) => `${JSON.stringify(name)}:${literal(item, `${here}.${name}`)}`);
  return `{${[...fields, ...added.map((name) => `${name}: since`)].join(',')}}`;
};

// Objects of an answer that have a type of their own; an event is one, and the object inside it another.
const objectsOf = (body) => {
  if (body.object === 'list') return body.data.flatMap(objectsOf);
  if (body.deleted || !TYPES[body.object]) return [];
  if (body.object === 'event') return [body, ...objectsOf(body.data.object)];
  return [body];
};

const HEAD = "import Stripe from 'stripe';\ndeclare const since: never;\n";

// Unknown values of an enumeration are welcome to the SDK (`| OtherString`); not here.
const read = (path) => {
  const text = readFileSync(path, 'utf8');
  return path.includes('/stripe/') ? text.replaceAll(/\s*\| OtherString\b/g, '') : text;
};

const options = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.Node16,
  moduleResolution: ts.ModuleResolutionKind.Node16,
  types: [],
};

const hostWith = (source) => {
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  host.getSourceFile = (path, version, ...more) => {
    if (path === SOURCE) return ts.createSourceFile(path, source, version);
    if (path.includes('/stripe/')) return ts.createSourceFile(path, read(path), version);
    return getSourceFile(path, version, ...more);
  };
  const { fileExists, readFile } = host;
  host.fileExists = (path) => path === SOURCE || fileExists(path);
  host.readFile = (path) => (path === SOURCE ? source : readFile(path));
  return host;
};

// {count, faults}: how many objects were checked, and what TypeScript says of them.
export const typeFaults = (exchanges) => {
  const lines = new Set();
  for (const object of exchanges.flatMap(({ body }) => objectsOf(body))) {
    lines.add(`: Stripe.${TYPES[object.object]} = ${literal(object, '')};`);
  }
  const source = HEAD + [...lines].map((line, i) => `export const a${i}${line}`).join('\n');
  const program = ts.createProgram([SOURCE], options, hostWith(source));
  const faults = ts.getPreEmitDiagnostics(program).map((fault) => {
    const text = ts.flattenDiagnosticMessageText(fault.messageText, ' ');
    const type = source.slice(fault.start).match(/^a\d+: (\S+)/)?.[1] ?? '';
    return `${type} ${text}`.trim();
  });
  return { count: lines.size, faults: [...new Set(faults)] };
};
