// Shows what /api/events sends: all there is once, then what changes. Numbers change in place; the
// order of rows changes only when the reader asks for it, or when objects come and go.

const PAGE_ROWS = 50;
const byId = (id) => document.getElementById(id);

// What was received: see docs/operators-page.md for its shape.
let state = { frontDoors: [], routes: [], backends: [], unrouted: { requests: 0 } };
let failures = [];
// The backends of each Route, by its name.
let backendsOf = new Map();

const number = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const count = new Intl.NumberFormat('en');
const percent = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 2 });
const unknown = '–';

function duration(seconds) {
  if (seconds === undefined) return unknown;
  if (seconds < 1) return `${number.format(seconds * 1000)} ms`;
  if (seconds < 120) return `${number.format(seconds)} s`;
  if (seconds < 7200) return `${number.format(seconds / 60)} min`;
  return seconds < 172800 ? `${number.format(seconds / 3600)} h` : `${number.format(seconds / 86400)} days`;
}

// An element with text or other elements in it: nothing is ever parsed as HTML.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// How states are called, and how they look.
const STATES = {
  NotAccepted: ['not accepted', 'bad'],
  EarlierVersion: ['earlier version served', 'odd'],
  NotResolved: ['not resolved', 'bad'],
  Warnings: ['warnings', 'odd'],
  Served: ['served', 'good'],
};
const condition = (object) => STATES[object.state];
const hasProblem = (object) => object.state !== 'Served';

function endpoints(route) {
  let healthy = 0, all = 0;
  for (const backend of backendsOf.get(route.name) ?? []) {
    all += backend.endpoints.length;
    healthy += backend.endpoints.filter((endpoint) => !endpoint.state).length;
  }
  return { healthy, all };
}

const answered = (route) => route.traffic?.preflights?.answered ?? 0;
const denied = (route) => Object.values(route.traffic?.preflights?.denied ?? {}).reduce((sum, one) => sum + one, 0);

// Columns: a title, what is shown, and what is sorted by. The first one is the row's heading.
const ROUTE_COLUMNS = [
  { title: 'Route', key: (route) => route.name, isText: true },
  { title: 'State', key: (route) => condition(route)[0], cell: (route) => condition(route), isText: true },
  { title: 'Req/s', key: (route) => route.traffic?.perSecond ?? 0, cell: (route) => [number.format(route.traffic?.perSecond ?? 0)] },
  { title: 'Errors', key: (route) => route.traffic?.errorShare ?? 0, cell: (route) => {
    const share = route.traffic?.errorShare;
    return share === undefined ? [unknown] : [percent.format(share), share > 0 ? 'bad' : ''];
  } },
  { title: 'p50', key: (route) => route.traffic?.p50Seconds ?? 0, cell: (route) => [duration(route.traffic?.p50Seconds)] },
  { title: 'p99', key: (route) => route.traffic?.p99Seconds ?? 0, cell: (route) => [duration(route.traffic?.p99Seconds)] },
  { title: 'Healthy', key: (route) => { const { healthy, all } = endpoints(route); return all ? healthy / all : 2; }, cell: (route) => {
    const { healthy, all } = endpoints(route);
    return all ? [`${healthy} of ${all}`, healthy === all ? '' : healthy ? 'odd' : 'bad'] : [unknown];
  } },
  { title: 'Answered', key: answered, cell: (route) => [count.format(answered(route))] },
  { title: 'Denied', key: denied, cell: (route) => [count.format(denied(route))] },
  { title: 'Avoided', key: (route) => route.traffic?.avoided ?? 0, cell: (route) => [count.format(route.traffic?.avoided ?? 0)] },
  { title: 'Saved', key: (route) => route.traffic?.savedSeconds ?? 0, cell: (route) => [duration(route.traffic?.savedSeconds)] },
];
const DOOR_COLUMNS = [
  { title: 'FrontDoor', key: (door) => door.name, isText: true },
  { title: 'Hosts', key: (door) => door.hosts.join(', '), cell: (door) => [door.hosts.join(', ')], isText: true },
  { title: 'State', key: (door) => condition(door)[0], cell: (door) => condition(door), isText: true },
  { title: 'Routes', key: (door) => door.attachedRoutes, cell: (door) => [count.format(door.attachedRoutes)] },
];
const FAILURE_COLUMNS = [
  { title: 'Time', cell: (failed) => [new Date(failed.at).toLocaleTimeString()] },
  { title: 'Status', cell: (failed) => [String(failed.status), 'bad'] },
  { title: 'Reason', cell: (failed) => [failed.reason ?? 'backend’s response'], isText: true },
  { title: 'Request', cell: (failed) => [failed.method ? `${failed.method} ${failed.host}${failed.path ?? ''}` : unknown], isText: true },
  { title: 'Route', cell: (failed) => [failed.route ?? unknown], isText: true },
  { title: 'Request id', cell: (failed) => [failed.requestId], isText: true },
];

const paths = (route) => (route.matches ?? [{ path: '/*' }])
  .map((match) => `${match.methods ? `${match.methods.join(', ')} ` : ''}${match.path}`);

// What a row says below its name.
const subtitle = (object) => (object.hosts && object.attachedRoutes !== undefined ? '' : paths(object).join('  '));

function list(title, items) {
  if (!items.length) return [];
  return [element('h3', {}, title), element('ul', {}, ...items.map((item) => element('li', {}, item)))];
}

// The last day of the Routes whose rows are open.
const histories = new Map();

async function loadHistories() {
  const names = [...routes.opened].slice(0, 100);
  if (!names.length) return;
  const response = await fetch(`/api/history?${new URLSearchParams(names.map((name) => ['route', name]))}`);
  if (!response.ok) return;
  const { slotSeconds, routes: found } = await response.json();
  for (const [name, series] of Object.entries(found)) histories.set(name, { slotSeconds, ...series });
  routes.update();
}

function svg(tag, attributes, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// Requests over time as a line, and errors below it.
function chart({ slotSeconds, requests, errors }) {
  const most = Math.max(1, ...requests);
  const points = (counts) => counts.map((one, index) => `${index},${(40 * (1 - one / most)).toFixed(1)}`).join(' ');
  const line = (counts, look) => svg('polyline', { points: points(counts), class: look, 'vector-effect': 'non-scaling-stroke' });
  const picture = svg('svg', { viewBox: `0 -1 ${Math.max(1, requests.length - 1)} 42`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, line(requests, 'requests'), line(errors, 'errors'));
  const sum = (counts) => count.format(counts.reduce((total, one) => total + one, 0));
  const caption = `The last ${duration(requests.length * slotSeconds)}: ${sum(requests)} requests, ${sum(errors)} errors, at most ${number.format(most / slotSeconds)} requests a second`;
  return element('figure', {}, element('figcaption', {}, caption), picture);
}

// What only an opened row shows.
function details(object) {
  const problems = (object.problems ?? []).map((problem) => {
    const severity = element('span', { class: problem.severity === 'Error' ? 'bad' : 'odd' }, problem.severity);
    return element('span', {}, severity, ` ${problem.field} (${problem.reason}): ${problem.message}`);
  });
  if (object.serves) problems.push(object.serves);
  if (object.unavailable) problems.push(object.unavailable);
  const shown = [...list('Problems', problems)];
  if (object.attachedRoutes !== undefined) return shown;
  const place = [`FrontDoor ${object.frontDoor ?? unknown}`, object.hosts ? object.hosts.join(', ') : 'all its hosts', ...paths(object)];
  if (object.action) place.push(`action: ${object.action}`);
  shown.push(...list('Where', place));
  const known = backendsOf.get(object.name) ?? [];
  shown.push(...list('Backends', (object.backends ?? []).map(({ name, weight = 1, priority = 0 }) => {
    const at = known.filter((backend) => backend.name === name).flatMap((backend) => backend.endpoints)
      .map((endpoint) => `${endpoint.address} ${endpoint.state ?? 'healthy'}${endpoint.reason ? ` (${endpoint.reason})` : ''}`);
    return `${name}, weight ${weight}, priority ${priority}: ${at.join(', ') || 'no endpoint'}`;
  })));
  const { traffic } = object;
  const history = histories.get(object.name);
  if (history?.requests.length) shown.push(chart(history));
  if (traffic) {
    const { answered = 0, forwarded = 0, denied = {} } = traffic.preflights ?? {};
    const reasons = Object.entries(denied).map(([reason, times]) => `${count.format(times)} for ${reason}`);
    shown.push(...list('Since the start', [
      `${count.format(traffic.requests)} requests, ${count.format(traffic.errors ?? 0)} errors`,
      `preflights: ${count.format(answered)} answered, ${count.format(forwarded)} forwarded, denied ${reasons.join(', ') || 'none'}`,
      `${count.format(traffic.avoided ?? 0)} preflights avoided, which saved ${duration(traffic.savedSeconds ?? 0)}`,
    ]));
  }
  return shown;
}

// A table of objects: sorted, in pages, with rows that open.
class Listing {
  constructor(id, columns, note) {
    Object.assign(this, { columns, note, objects: [], order: [], page: 0, sort: 0, descending: false, opened: new Set(), rows: new Map() });
    this.table = byId(id);
    this.body = this.table.tBodies[0];
    this.headings = columns.map(({ title, isText }, index) => {
      const button = element('button', { type: 'button' }, title);
      button.addEventListener('click', () => this.sortBy(index));
      return element('th', { scope: 'col', role: 'columnheader', class: isText ? 'text' : '' }, button);
    });
    this.table.tHead.rows[0].append(...this.headings);
    this.previous = element('button', { type: 'button' }, 'Previous');
    this.next = element('button', { type: 'button' }, 'Next');
    this.place = element('span', { role: 'status' });
    this.previous.addEventListener('click', () => this.turn(-1));
    this.next.addEventListener('click', () => this.turn(1));
    byId(`${id}-pages`).append(this.previous, this.next, this.place);
  }

  // Shows these objects, from the first page on if they were chosen anew.
  show(objects, isNew) {
    this.objects = objects;
    if (isNew) this.page = 0;
    const { key } = this.columns[this.sort];
    const by = new Map(objects.map((object) => [object, key(object)]));
    const sign = this.descending ? -1 : 1;
    const compare = (one, other) => (one < other ? -sign : one > other ? sign : 0);
    this.order = [...objects].sort((one, other) => compare(by.get(one), by.get(other)));
    this.render();
  }

  sortBy(index) {
    this.descending = this.sort === index ? !this.descending : !this.columns[index].isText;
    this.sort = index;
    this.show(this.objects, true);
  }

  turn(by) {
    this.page += by;
    this.render();
    // A button that is at its end can't keep the focus.
    if (document.activeElement === document.body) (this.next.disabled ? this.previous : this.next).focus();
  }

  render() {
    const last = Math.max(0, Math.ceil(this.order.length / PAGE_ROWS) - 1);
    this.page = Math.min(Math.max(this.page, 0), last);
    const start = this.page * PAGE_ROWS;
    const shown = this.order.slice(start, start + PAGE_ROWS);
    this.headings.forEach((heading, index) => {
      if (index === this.sort) heading.setAttribute('aria-sort', this.descending ? 'descending' : 'ascending');
      else heading.removeAttribute('aria-sort');
    });
    [this.previous.disabled, this.next.disabled] = [this.page === 0, this.page === last];
    setText(this.place, last ? `${count.format(start + 1)}–${count.format(start + shown.length)} of ${count.format(this.order.length)}` : '');
    this.previous.parentElement.hidden = !last;
    const rows = new Map(shown.map((object) => [object.name, this.rows.get(object.name) ?? this.row(object.name)]));
    this.rows = rows;
    const wanted = [];
    for (const object of shown) {
      const row = rows.get(object.name);
      row.object = object;
      wanted.push(row.main);
      if (this.opened.has(object.name)) wanted.push(row.more);
    }
    if (wanted.length !== this.body.rows.length || wanted.some((row, index) => this.body.rows[index] !== row)) {
      const { activeElement } = document;
      this.body.replaceChildren(...wanted);
      if (activeElement?.isConnected) activeElement.focus();
    }
    this.update();
  }

  // The elements of a row, without its numbers.
  row(name) {
    const button = element('button', { type: 'button', class: 'name', 'aria-expanded': this.opened.has(name) }, name);
    const note = element('small');
    const heading = element('th', { scope: 'row', role: 'rowheader' }, button, note);
    const cells = this.columns.slice(1).map(({ title, isText }) => element('td', { role: 'cell', class: isText ? 'text' : '', 'data-label': title }, element('span')));
    const more = element('tr', { class: 'details', role: 'row' }, element('td', { role: 'cell', colspan: this.columns.length }));
    button.addEventListener('click', () => {
      if (!this.opened.delete(name)) this.opened.add(name);
      button.setAttribute('aria-expanded', this.opened.has(name));
      this.render();
      this.onOpen?.();
    });
    return { main: element('tr', { role: 'row' }, heading, ...cells), more, note, cells };
  }

  // Writes the numbers that have changed.
  update() {
    for (const { object, cells, note, more } of this.rows.values()) {
      setText(note, subtitle(object));
      this.columns.slice(1).forEach(({ cell }, index) => {
        const [text, look = ''] = cell(object);
        const span = cells[index].firstChild;
        setText(span, text);
        if (span.className !== look) span.className = look;
      });
      if (this.opened.has(object.name)) {
        const shown = details(object);
        const written = shown.map((part) => part.textContent).join('\n');
        if (more.dataset.written !== written) {
          more.dataset.written = written;
          more.firstChild.replaceChildren(...(shown.length ? shown : ['Nothing more to say.']));
        }
      }
    }
  }
}

const routes = new Listing('routes', ROUTE_COLUMNS);
const doors = new Listing('doors', DOOR_COLUMNS);
routes.onOpen = loadHistories;
setInterval(loadHistories, 10000);

const texts = new WeakMap();

// All that a search looks at.
function text(object) {
  let found = texts.get(object);
  if (found === undefined) {
    const { name, frontDoor, hosts, backends, problems, serves, unavailable } = object;
    const parts = [name, frontDoor, hosts, object.attachedRoutes === undefined ? paths(object) : [], backends?.map((backend) => backend.name), condition(object)[0],
      problems?.map(({ field, reason, message }) => `${field} ${reason} ${message}`), serves, unavailable];
    found = parts.flat().filter(Boolean).join('\n').toLowerCase();
    texts.set(object, found);
  }
  return found;
}

const FILTERS = {
  '': () => true,
  problems: hasProblem,
  errors: (route) => (route.traffic?.errorShare ?? 0) > 0,
  traffic: (route) => (route.traffic?.perSecond ?? 0) > 0,
};

// Every word must be somewhere.
function search(isNew) {
  const words = byId('query').value.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (object) => words.every((word) => text(object).includes(word));
  const filter = FILTERS[byId('only').value];
  const found = state.routes.filter((route) => filter(route) && matches(route));
  const isAll = found.length === state.routes.length;
  setText(byId('routes-count'), isAll ? `${count.format(found.length)} Routes` : `${count.format(found.length)} of ${count.format(state.routes.length)} Routes`);
  routes.show(found, isNew);
  const front = state.frontDoors.filter(matches);
  setText(byId('doors-count'), front.length === state.frontDoors.length ? '' : `${count.format(front.length)} of ${count.format(state.frontDoors.length)} FrontDoors match the search`);
  doors.show(front, isNew);
}

function joinBackends() {
  const named = Map.groupBy(state.backends, (backend) => backend.name);
  backendsOf = new Map(state.routes.map((route) => {
    const all = (route.backends ?? []).flatMap(({ name }) => named.get(name) ?? []);
    return [route.name, all.filter(({ routes }) => !routes || routes.includes(route.name))];
  }));
}

function sums() {
  const rows = [...state.routes.map((route) => route.traffic), state.unrouted].filter(Boolean);
  const sum = (of) => rows.reduce((total, row) => total + (of(row) ?? 0), 0);
  const perSecond = sum((row) => row.perSecond);
  const errors = sum((row) => (row.perSecond ?? 0) * (row.errorShare ?? 0));
  const troubled = state.routes.filter(hasProblem).length;
  const all = state.backends.flatMap((backend) => backend.endpoints);
  const out = all.filter((endpoint) => endpoint.state).length;
  setText(byId('tile-routes'), count.format(state.routes.length));
  setText(byId('tile-routes-note'), troubled ? `${count.format(troubled)} with problems` : 'no problems');
  setText(byId('tile-requests'), number.format(perSecond));
  setText(byId('tile-errors'), perSecond ? percent.format(errors / perSecond) : unknown);
  setText(byId('tile-endpoints'), count.format(all.length));
  setText(byId('tile-endpoints-note'), out ? `${count.format(out)} not healthy` : 'all healthy');
  setText(byId('tile-avoided'), count.format(sum((row) => row.avoided)));
  setText(byId('tile-saved'), duration(sum((row) => row.savedSeconds)));
  for (const note of document.querySelectorAll('.window')) setText(note, `over the last ${duration(Math.max(1, Math.round(state.windowSeconds)))}`);
}

function isLive() {
  document.documentElement.dataset.state = 'live';
  setText(byId('status'), `Live. Table generation ${state.generation}.`);
}

const events = new EventSource('/api/events');
events.addEventListener('routes', ({ data }) => {
  state = JSON.parse(data);
  joinBackends();
  isLive();
  search(false);
  sums();
});
events.addEventListener('traffic', ({ data }) => {
  const changed = JSON.parse(data);
  const { generation, at, windowSeconds, unrouted = state.unrouted } = changed;
  Object.assign(state, { generation, at, windowSeconds, unrouted });
  for (const route of state.routes) if (changed.routes[route.name]) route.traffic = changed.routes[route.name];
  for (const [place, { endpoints }] of Object.entries(changed.backends)) state.backends[place].endpoints = endpoints;
  isLive();
  routes.update();
  sums();
});
events.addEventListener('failures', ({ data }) => {
  failures = JSON.parse(data).failures;
  setText(byId('failures-count'), failures.length ? `The last ${count.format(failures.length)}, the newest first.` : 'None so far.');
  const rows = failures.map((failed) => element('tr', { role: 'row' }, ...FAILURE_COLUMNS.map(({ title, cell, isText }) => {
    const [text, look = ''] = cell(failed);
    return element('td', { role: 'cell', class: isText ? 'text' : '', 'data-label': title }, element('span', { class: look }, text));
  })));
  byId('failures').tBodies[0].replaceChildren(...rows);
});
events.addEventListener('error', () => {
  if (document.documentElement.dataset.state === 'live') document.documentElement.dataset.state = 'lost';
  setText(byId('status'), 'The connection is lost; trying again. What is shown is no longer live.');
});

byId('failures').tHead.rows[0].append(...FAILURE_COLUMNS.map(({ title, isText }) => element('th', { scope: 'col', role: 'columnheader', class: isText ? 'text' : '' }, title)));
byId('query').addEventListener('input', () => search(true));
byId('only').addEventListener('change', () => search(true));
byId('search').addEventListener('submit', (event) => event.preventDefault());

byId('explain').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  const [mistake, explanation] = [byId('mistake'), byId('explanation')];
  const headers = form.elements.headers.value.split('\n').map((line) => line.trim()).filter(Boolean);
  const [url, method, origin] = ['url', 'method', 'origin'].map((name) => form.elements[name].value.trim());
  for (const field of form.querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid');
  const fail = (why) => {
    mistake.textContent = why;
    [mistake.hidden, explanation.hidden] = [false, true];
  };
  try {
    const response = await fetch('/api/explain', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ url, method, origin, headers }) });
    if (!response.headers.get('content-type').startsWith('application/json')) return fail(await response.text());
    const answer = await response.json();
    if (response.ok) {
      explanation.textContent = answer.text;
      [mistake.hidden, explanation.hidden] = [true, false];
    } else {
      const field = form.elements[answer.field];
      fail(`${answer.field ? `${answer.field}: ` : ''}${answer.message}`);
      field?.setAttribute('aria-invalid', 'true');
      field?.focus();
    }
  } catch (error) {
    fail(`No response (${error.message}).`);
  }
});
