// Calls the same APIs directly and through the front door, and shows what it cost.

const CALLS = [
  { name: 'Read the report', service: 'sales', method: 'GET', path: '/sales/2021/report' },
  { name: 'Place an order', service: 'sales', method: 'POST', path: '/sales/2021/orders', body: { item: 'lamp', quantity: 2 } },
  { name: 'Cancel an order', service: 'sales', method: 'DELETE', path: '/sales/2021/orders/17' },
  { name: 'Read a profile', service: 'profiles', method: 'GET', path: '/users/ada', front: '/api/user/ada', key: true },
  { name: 'Change a profile', service: 'profiles', method: 'PUT', path: '/users/ada', front: '/api/user/ada', body: { team: 'engines' }, key: true },
];
const SERVICES = ['sales', 'profiles'];
// Where a service tells what it has received, through the front door.
const COUNTS = { sales: '/sales/demo/counts', profiles: '/api/user/demo/counts' };
const WAYS = ['direct', 'frontDoor'];
const WAY_NAMES = { direct: 'direct', frontDoor: 'front door' };
const METHODS = ['GET', 'POST', 'PUT', 'DELETE'];

const byId = (id) => document.getElementById(id);
const problems = new Set();
let config;
// The ways that there are: in a cluster, the services have no addresses that a browser could call.
let ways = WAYS;
const isAlone = () => ways.length === 1;

// The service's own origin: another port is another origin.
const originOf = (service) => `http://${location.hostname}:${config.ports[service]}`;

async function timed(way, call) {
  const direct = way === 'direct';
  const url = direct ? originOf(call.service) + call.path : call.front ?? call.path;
  const headers = { 'x-client': 'demo' };
  if (call.body) headers['content-type'] = 'application/json';
  if (call.key && direct) headers['x-api-key'] = config.apiKey;
  const start = performance.now();
  try {
    const response = await fetch(url, { method: call.method, headers, body: call.body && JSON.stringify(call.body), cache: 'no-store' });
    const body = await response.text();
    const ms = performance.now() - start;
    if (!response.ok) problems.add(`${call.method} ${url}: ${response.status} ${body}`);
    return { ms, answer: `${response.status} ${response.headers.get('content-type')} ${body}` };
  } catch (error) {
    problems.add(`${call.method} ${url}: no response (${error.message}). ${direct
      ? `The ${call.service} service must be reachable from this browser at ${originOf(call.service)}.`
      : 'Is the demo still running?'}`);
    return { ms: null, answer: null };
  }
}

// A simple request, so it needs no preflight; the services do not count it.
async function counts(service) {
  const url = isAlone() ? COUNTS[service] : `${originOf(service)}/demo/counts`;
  try {
    const response = await fetch(url, { cache: 'no-store' });
    if (!response.ok) throw new Error(`status ${response.status}`);
    return await response.json();
  } catch {
    problems.add(`${url}: the ${service} service did not report what it received.`);
    return { direct: {}, frontDoor: {} };
  }
}

// What the front door has counted since its start, from its own metrics; null where it does not tell.
async function frontDoorCounts() {
  if (isAlone()) return null;
  try {
    const response = await fetch('/demo/front-door', { cache: 'no-store' });
    return response.ok ? await response.json() : null;
  } catch {
    return null;
  }
}

const increase = (before, after) => before && after && Object.fromEntries(Object.entries(after).map(([name, n]) => [name, n - before[name]]));

const allCounts = async () => Object.fromEntries(await Promise.all(SERVICES.map(async (service) => [service, await counts(service)])));

function difference(before, after) {
  const minus = (a, b) => Object.fromEntries(Object.entries(b).map(([kind, n]) => [kind, n - (a[kind] ?? 0)]));
  return Object.fromEntries(SERVICES.map((service) => [service,
    Object.fromEntries(ways.map((way) => [way, minus(before[service][way], after[service][way])]))]));
}

function median(values) {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
  const half = sorted.length / 2;
  return sorted.length ? (sorted[Math.floor(half)] + sorted[Math.ceil(half) - 1]) / 2 : null;
}

const ms = (value) => (value === null ? 'none' : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`);
const fromTo = (a, b) => (a === null || b === null ? `${ms(a)} → ${ms(b)}` : `${ms(a).replace(' ms', '')} → ${ms(b)}`);
const times = (value) => (Number.isFinite(value) ? `${value.toFixed(value < 10 ? 1 : 0)}×` : 'none');

async function run(rounds) {
  problems.clear();
  showState('running');
  const results = CALLS.map((call) => ({ call, ...Object.fromEntries(ways.map((way) => [way, []])), equal: 0 }));
  const before = await allCounts();
  const frontDoorBefore = await frontDoorCounts();
  const total = rounds * CALLS.length;
  const sumUp = async (done) => {
    const [counted, received] = await Promise.all([frontDoorCounts(), allCounts()]);
    return summarise(rounds, done, results, difference(before, received), increase(frontDoorBefore, counted));
  };
  let done = 0;
  for (let round = 0; round < rounds; round++) {
    for (const result of results) {
      const answers = {};
      // The ways take turns in going first, so that neither has the warmer connections.
      for (const way of round % 2 ? ways.toReversed() : ways) {
        const { ms, answer } = await timed(way, result.call);
        result[way].push(ms);
        answers[way] = answer;
      }
      if (answers.frontDoor !== null && ways.every((way) => answers[way] === answers.frontDoor)) result.equal++;
      done++;
      showProgress(done, total);
      showChart(results);
      // Between calls, so that it delays none that is measured.
      showTiles(await sumUp(done));
    }
  }
  show(await sumUp(done), results);
}

function summarise(rounds, pairs, results, received, frontDoor) {
  const sum = (way, wanted) => SERVICES.flatMap((service) => Object.entries(received[service][way]))
    .filter(([kind]) => wanted(kind)).reduce((all, [, n]) => all + n, 0);
  const medians = Object.fromEntries(ways.map((way) => [way, median(results.flatMap((result) => result[way]))]));
  const isPreflight = (kind) => kind === 'preflight' || kind === 'OPTIONS';
  return {
    rounds,
    pairs,
    equal: results.reduce((all, result) => all + result.equal, 0),
    preflights: Object.fromEntries(ways.map((way) => [way, sum(way, isPreflight)])),
    requests: Object.fromEntries(ways.map((way) => [way, sum(way, (kind) => !isPreflight(kind))])),
    median: medians,
    ratio: isAlone() ? null : medians.direct / medians.frontDoor,
    received,
    frontDoor,
    calls: results.map(({ call, equal, ...measured }) => ({ name: call.name, ...measured, equal })),
    problems: [...problems],
  };
}

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function showState(state) {
  document.documentElement.dataset.state = state;
  byId('again').querySelector('button').disabled = state !== 'done';
  showProblems();
}

function showProblems() {
  const box = byId('problems');
  box.hidden = problems.size === 0;
  box.replaceChildren(element('b', {}, 'Not everything worked'),
    element('ul', {}, ...[...problems].map((text) => element('li', {}, text))));
}

function showProgress(done, total) {
  Object.assign(byId('progress'), { value: done, max: total });
  byId('status').textContent = done === total ? `Done: ${total} calls${isAlone() ? '' : ' each way'}.` : 'Calling…';
}

function showChart(results) {
  // Room for the bars and a little more; a single slow call must not squeeze all others.
  const longest = Math.max(0.1, ...results.flatMap((result) => ways.map((way) => median(result[way])))) * 1.25;
  byId('chart').replaceChildren(...results.map((result) => {
    const { call } = result;
    const rows = ways.map((way) => element('div', { className: 'row' },
      element('div', { className: 'way' }, WAY_NAMES[way]),
      track(way, result[way], (value) => `${Math.min(100, (100 * value) / longest)}%`, longest),
      element('div', { className: 'value' }, result[way].length ? ms(median(result[way])) : '…')));
    return element('div', { className: 'call' },
      element('div', { className: 'name' }, element('b', {}, call.name), element('code', {}, `${call.method} ${call.front ?? call.path}`)),
      element('div', { className: 'bars' }, ...rows));
  }));
}

// The bar of the median, and a mark for each call.
function track(way, values, percent, longest) {
  const bar = element('div', { className: `bar ${way === 'direct' ? 'direct' : 'front-door'}` });
  bar.style.width = percent(median(values) ?? 0);
  const marks = values.filter((value) => value !== null).map((value) => {
    const mark = element('i', value > longest ? { className: 'beyond', textContent: '›' } : {});
    mark.style.left = percent(value);
    return mark;
  });
  return element('div', { className: 'track' }, bar, ...marks);
}

// The numbers at the top, and the title: of all calls so far.
function showTiles(summary) {
  const { preflights, median: medians, equal, pairs, ratio } = summary;
  byId('tile-preflights').textContent = ways.map((way) => preflights[way]).join(' → ');
  byId('tile-median').textContent = isAlone() ? ms(medians.frontDoor) : fromTo(medians.direct, medians.frontDoor);
  byId('tile-ratio').textContent = isAlone() ? 'through the front door' : verdict(ratio);
  byId('tile-equal').textContent = isAlone() ? `${equal} of ${pairs}` : `${equal} of ${pairs} equal`;
  showFrontDoor(summary.frontDoor);
  const count = isAlone() ? `${preflights.frontDoor} preflights for ${pairs} calls` : `${preflights.direct} → ${preflights.frontDoor} preflights`;
  const speed = ratio > 1.05 && Number.isFinite(ratio) ? `, ${ratio.toFixed(1)} times as fast` : '';
  document.title = `${count}${speed} – Portico demo`;
}

function show(summary, results) {
  showChart(results);
  showTiles(summary);
  byId('latencies').replaceChildren(...summary.calls.map((call) =>
    latencyRow(call.name, Object.fromEntries(ways.map((way) => [way, median(call[way])])), `${call.equal} of ${summary.rounds}`)),
  latencyRow('All calls', summary.median, `${summary.equal} of ${summary.pairs}`, 'total'));
  byId('received').replaceChildren(...['preflight', ...METHODS].map((kind) => receivedRow(kind, summary.received)));
  const { direct, frontDoor } = summary.requests;
  if (isAlone()) {
    if (summary.equal < summary.pairs) problems.add(`${summary.pairs - summary.equal} calls were not answered.`);
  } else if (summary.equal < summary.pairs) problems.add(`${summary.pairs - summary.equal} pairs of responses were not equal.`);
  else if (direct !== frontDoor) problems.add(`The services received ${direct} requests directly and ${frontDoor} through the front door: is the page open twice?`);
  byId('summary').textContent = JSON.stringify({ ...summary, problems: [...problems] });
  if (problems.size > 0) document.title = 'Not everything worked – Portico demo';
  showState('done');
}

// The time is what the kernel measured for connections between the browser and the front door: the
// delay that the services add is not in it.
function showFrontDoor(counted) {
  byId('tile-avoided').textContent = counted ? counted.preflightsAvoided : 'unknown';
  byId('tile-answered').textContent = counted ? counted.preflightsAnswered : 'unknown';
  const isKnown = counted?.savedMs > 0;
  byId('tile-saved').textContent = isKnown ? savedTime(counted.savedMs) : 'unknown';
  byId('tile-saved-note').textContent = isKnown
    ? `in total: one round trip each between this browser and the front door${isHere() ? ', which are on one machine' : ''}${config.latencyMs ? `; the ${ms(config.latencyMs)} that the services add are not included` : ''}`
    : 'the round trip between this browser and the front door';
}

const isHere = () => ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);

const savedTime = (value) => (value < 0.1 ? 'less than 0.1 ms' : ms(value));

function verdict(ratio) {
  if (!Number.isFinite(ratio)) return 'not measured';
  if (ratio > 1.05) return `the front door is ${ratio.toFixed(1)} times as fast`;
  return ratio < 0.95 ? `the front door takes ${(1 / ratio).toFixed(1)} times as long` : 'about the same';
}

function latencyRow(name, medians, equal, className = '') {
  const compared = isAlone() ? [] : [times(medians.direct / medians.frontDoor), equal];
  return element('tr', { className }, element('th', { scope: 'row' }, name),
    ...ways.map((way) => element('td', {}, medians[way] === null ? 'none' : medians[way].toFixed(1))),
    ...compared.map((text) => element('td', {}, text)));
}

function receivedRow(kind, received) {
  return element('tr', {}, element('th', { scope: 'row' }, kind === 'preflight' ? 'Preflight (OPTIONS)' : kind),
    ...SERVICES.flatMap((service) => ways.map((way) => element('td', {}, String(received[service][way][kind] ?? 0)))));
}

function latencyNote() {
  if (config.latencyMs) {
    return [`The services wait ${ms(config.latencyMs)} before every response, to preflights too, as if they were that round trip away. To turn this off: `, element('code', {}, 'portico demo --latency 0ms')];
  }
  if (isAlone()) return [];
  return ['Everything runs on this machine, where a round trip takes next to no time. To see what distance does: ', element('code', {}, 'portico demo --latency 60ms')];
}

async function begin() {
  if (!SERVICES.every((service) => config.ports[service])) ways = ['frontDoor'];
  document.documentElement.dataset.ways = isAlone() ? 'alone' : 'both';
  byId('api-key').textContent = config.apiKey;
  byId('latency-note').replaceChildren(...latencyNote());
  if (config.throughFrontDoor) return run(byId('rounds').valueAsNumber);
  problems.add('This page did not come through the front door: open the address that the demo printed, or that of your front door.');
  fail();
}

// Nothing can be measured.
function fail() {
  document.title = 'Not everything worked – Portico demo';
  showState('done');
}

byId('again').addEventListener('submit', (event) => {
  event.preventDefault();
  if (config && document.documentElement.dataset.state !== 'running') run(byId('rounds').valueAsNumber);
});

async function readConfig() {
  const response = await fetch('/demo.json', { cache: 'no-store' });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.json();
}

showState('loading');
try {
  config = await readConfig();
} catch (error) {
  problems.add(`The demo's settings could not be read (${error.message}). Is it still running?`);
  fail();
}
if (config) await begin();
