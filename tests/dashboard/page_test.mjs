// The dashboard's page in a real browser: every view and every action, its keys, what it does with hostile values, how it stands a hundred
// thousand events a second, and axe's accessibility rules.
//   page_test.mjs PACKAGES OUT              over the made-up shop of dashboard/dev/mock.mjs; OUT is what script/dashboard --build made
//   page_test.mjs PACKAGES OUT --url URL    the walk alone, over the dashboard that listens there: one with --allow-actions and a store, over services
//                                           that fail now and then. --hostile: its broker has events with hostile values. --must NAME,…: actions that
//                                           there has to be something for
// Screenshots are left in OUT/screenshots.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';

const [packages, out, ...rest] = process.argv.slice(2);
const given = rest.includes('--url') ? rest[rest.indexOf('--url') + 1] : null;
const given_hostile = rest.includes('--hostile');
const given_must = rest.includes('--must') ? rest[rest.indexOf('--must') + 1].split(',') : [];
const require = createRequire(path.join(path.resolve(packages), 'package.json'));
const { chromium } = require('playwright-core');
const axe_source = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const program = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(one => one && existsSync(one));
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const shots = path.join(path.resolve(out), 'screenshots');
mkdirSync(shots, { recursive: true });
const PATIENCE_MS = 60_000;  // on a machine that has a lot else to do
const MOST_BYTES = 150 * 1024;

let browser;
const mocks = new Set();
before(async () => {
  browser = await chromium.launch({ executablePath: program, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
});
after(async () => {
  for (const mock of mocks) mock.kill('SIGKILL');
  await browser?.close();
});

/// The made-up shop, on a port of its own.
async function mock(...options) {
  const child = spawn(process.execPath, [path.join(root, 'dashboard/dev/mock.mjs'), path.resolve(out), ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  for (const left of mocks) left.kill('SIGKILL');  // of a test that failed
  mocks.clear();
  mocks.add(child);
  const url = await new Promise((resolve, reject) => {
    child.stdout.once('data', data => resolve(String(data).trim()));
    child.once('exit', code => reject(new Error(`the mock ended: ${code}`)));
  });
  return { url, port: new URL(url).port, end: () => new Promise(resolve => {
    mocks.delete(child);
    child.once('exit', resolve);
    child.kill('SIGKILL');
  }) };
}

/// A page that remembers what a user must never see: errors on the console, requests to elsewhere, what the policy refused.
async function opened(url, options = {}) {
  for (const left of browser.contexts()) await left.close();  // of a test that failed
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const wrong = [];
  let expected = null;
  page.on('console', message => {
    if ((message.type() === 'error' || message.type() === 'warning') && !expected?.test(message.text())) wrong.push(`console: ${message.text()}`);
  });
  page.on('pageerror', error => wrong.push(`error: ${error.message}`));
  page.on('request', request => {
    const asked = new URL(request.url());
    if (asked.origin !== new URL(url).origin && asked.protocol !== 'data:') wrong.push(`asked elsewhere: ${request.url()}`);
  });
  const go = async (hash = '') => {
    await page.goto(url + hash);
    await page.locator('main h1').waitFor();
  };
  const hash = async to => {
    await page.evaluate(value => (location.hash = value), to);
    await page.waitForFunction(value => location.hash === value, to);
  };
  return { page, context, go, hash, wrong, expect: pattern => (expected = pattern), done: async () => {
    assert.deepEqual(wrong, []);
    await context.close();
  } };
}

const title = page => page.locator('main h1').textContent();
const first_row = page => page.locator('main [data-row]').first();

async function accessible(page, what) {
  await page.evaluate(axe_source);
  const found = await page.evaluate(async () => (await window.axe.run(document, { resultTypes: ['violations'] })).violations
    .filter(one => one.impact === 'serious' || one.impact === 'critical')
    .map(one => `${one.id}: ${one.nodes.slice(0, 3).map(node => `${node.target} ${node.failureSummary}`).join(' | ')}`));
  assert.deepEqual(found, [], `axe on ${what}`);
}

async function fits(page, what) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(over <= 0, `${what} is ${over} px wider than the screen`);
}

const VIEWS = ['overview', 'flow', 'events', 'consumers', 'failures', 'sagas'];
const TITLES = { overview: 'Overview', flow: 'Flow', events: 'Events', consumers: 'Consumers', failures: 'Failures', sagas: 'Sagas', audit: 'Audit log' };

/// Where a view has loaded what it shows.
async function settled(page) {
  await page.waitForFunction(() => document.querySelector('main h1') && !document.querySelector('main .loading'));
}

/// Every view, and the pages below each, as lights, width and motion have it.
async function every_page(look, visit) {
  for (const view of [...VIEWS, 'audit']) {
    await look.hash(`#/${view}`);
    await look.page.waitForFunction(text => document.querySelector('main h1')?.textContent === text, TITLES[view]);
    await settled(look.page);
    await visit(view);
  }
  for (const [name, list] of [['group', '#/consumers'], ['event', '#/events?mode=search'], ['letters', '#/failures'], ['saga', '#/sagas']]) {
    await look.hash(list);
    await settled(look.page);
    if (await look.page.locator('main [data-row]').count() === 0) continue;
    if (name === 'event') await visit('search');
    const address = await first_row(look.page).getAttribute('href');
    await look.hash(address);
    await settled(look.page);
    await visit(name);
    if (name !== 'letters') continue;
    await look.hash(address.replace(/&code=[^&]*/, ''));  // all of the group
    await settled(look.page);
    await visit('letters-all');
    const hostile = look.page.locator('main tr.leads', { hasText: '<img' }).locator('[data-row]').first();
    if (await hostile.count() === 0) continue;
    await look.hash(await hostile.getAttribute('href'));
    await settled(look.page);
    await visit('event-hostile');
  }
}

async function walk(t, url) {
  for (const [name, options] of [['light', { colorScheme: 'light' }], ['dark', { colorScheme: 'dark' }], ['phone', { viewport: { width: 360, height: 740 }, colorScheme: 'light', hasTouch: true }]]) {
    await t.test(`every view, ${name}`, async () => {
      const look = await opened(url, options);
      await look.go();
      await every_page(look, async view => {
        await accessible(look.page, `${view}, ${name}`);
        await fits(look.page, `${view}, ${name}`);
        await look.page.screenshot({ path: path.join(shots, `${view}-${name}.png`) });
      });
      await look.done();
    });
  }

  await t.test('keys lead everywhere', async () => {
    const look = await opened(url);
    const { page } = look;
    await look.go();
    await settled(page);
    for (const [at, view] of VIEWS.entries()) {
      await page.keyboard.press(String(at + 1));
      await page.waitForFunction(text => document.querySelector('main h1').textContent === text, TITLES[view]);
      assert.equal(await page.locator('nav a[aria-current=page]').textContent().then(text => text.includes(TITLES[view])), true);
    }
    await page.keyboard.press('4');
    await first_row(page).waitFor();
    await page.keyboard.press('j');
    const rows = page.locator('main [data-row]');
    assert.equal(await rows.nth(0).evaluate(row => row === document.activeElement), true, 'j goes to the first row');
    if (await rows.count() > 1) {
      await page.keyboard.press('j');
      assert.equal(await rows.nth(1).evaluate(row => row === document.activeElement), true, 'j goes on');
      await page.keyboard.press('k');
      assert.equal(await rows.nth(0).evaluate(row => row === document.activeElement), true, 'k goes back');
    }
    await page.keyboard.press('Enter');
    await page.locator('.crumbs').waitFor();
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => document.querySelector('main h1').textContent === 'Consumers');
    await page.keyboard.press('/');
    assert.equal(await page.evaluate(() => document.activeElement.matches('main input')), true, '/ goes to the field');
    await page.keyboard.type('1j?');
    assert.equal(await title(page), 'Consumers', 'what is typed into a field is no command');
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.locator('dialog[open]').waitFor();
    await accessible(page, 'the keys');
    await page.keyboard.press('Escape');
    await page.locator('dialog[open]').waitFor({ state: 'detached' });
    const was = await page.evaluate(() => document.documentElement.dataset.theme);
    await page.keyboard.press('t');
    await page.keyboard.press('t');
    assert.notEqual(await page.evaluate(() => document.documentElement.dataset.theme), undefined);
    await page.keyboard.press('t');
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), was, 'three of t lead back');
    await page.keyboard.press('1');
    await page.keyboard.press('w');
    await page.locator('button[aria-pressed=true]', { hasText: '1 h' }).waitFor();
    await page.reload();
    await page.locator('button[aria-pressed=true]', { hasText: '1 h' }).waitFor();  // it is remembered
    await look.done();
  });

  await t.test('the tail shows each event that it says it shows', async () => {
    const look = await opened(url);
    const { page } = look;
    await look.go('#/events');
    await page.waitForFunction(() => document.querySelectorAll('main [data-row]').length >= 40);
    // Between the first and the last of a partition in the list, a search finds no event that the list does not have.
    const listed = await page.evaluate(() => {
      const sampled = document.querySelector('.tail-counts').hasAttribute('data-sampled');
      return { sampled, rows: [...document.querySelectorAll('main [data-row]')].map(row => ({ href: row.getAttribute('href'), time: /appended (.*)/.exec(row.title)[1] })) };
    });
    const times = listed.rows.map(row => row.time).sort();
    const found = await page.evaluate(async ([from, to]) => {
      let all = [];
      for (let cursor = ''; ;) {
        const answer = await (await fetch(`api/v1/events?limit=100&from=${encodeURIComponent(from)}&to=${encodeURIComponent(to)}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`)).json();
        all = all.concat(answer.events);
        cursor = answer.cursor;
        if (!cursor || answer.complete) return all.map(event => `#/event?${new URLSearchParams({ topic: event.topic, partition: event.partition, offset: event.offset })}`);
      }
    }, [times[0], times[times.length - 1]]);
    const place = href => {
      const query = new URLSearchParams(href.split('?')[1]);
      return { partition: `${query.get('topic')}/${query.get('partition')}`, offset: Number(query.get('offset')) };
    };
    const spans = new Map();
    for (const { partition, offset } of listed.rows.map(row => place(row.href))) {
      const [from, to] = spans.get(partition) ?? [offset, offset];
      spans.set(partition, [Math.min(from, offset), Math.max(to, offset)]);
    }
    const shown = new Set(listed.rows.map(row => row.href));
    const within = found.filter(href => {
      const { partition, offset } = place(href);
      const [from, to] = spans.get(partition) ?? [0, -1];
      return offset >= from && offset <= to;
    });
    assert.ok(within.length >= listed.rows.length / 2, `the search found ${within.length} of ${listed.rows.length}`);
    const missed = within.filter(href => !shown.has(href));
    assert.ok(listed.sampled || missed.length === 0, `not in the list: ${missed.slice(0, 3)}`);
    // Held, nothing moves; then what came meanwhile is there.
    await page.keyboard.press('p');
    const top = await first_row(page).getAttribute('href');
    await page.waitForFunction(() => /[1-9]/.test(document.querySelector('.tail-state').textContent.match(/held, (\S+)/)?.[1] ?? ''));
    assert.equal(await first_row(page).getAttribute('href'), top);
    await page.keyboard.press('p');
    await page.waitForFunction(was => document.querySelector('main [data-row]').getAttribute('href') !== was, top);
    assert.ok(await page.locator(`main [data-row][href="${top}"]`).count() === 1 || listed.sampled || await page.locator('main [data-row]').count() > 480, 'what was there before is still there');
    assert.ok(await page.locator('main [data-row]').count() <= 500);
    await look.done();
  });

  await t.test('an event whole, with its causes and effects; search by type and key', async () => {
    const look = await opened(url);
    const { page } = look;
    await look.go('#/events?mode=search');
    await first_row(page).waitFor();
    const type = await page.locator('main tr.leads .name').first().textContent();
    const key = await page.locator('main tr.leads .key').first().textContent();
    await page.locator('[data-find]').fill(type);
    await page.waitForFunction(() => location.hash.includes('type='));
    await page.waitForFunction(wanted => [...document.querySelectorAll('main tr.leads .name')].every(one => one.textContent === wanted) && document.querySelector('main tr.leads'), type);
    await look.hash(`#/events?mode=search&key=${encodeURIComponent(key)}`);
    await page.waitForFunction(wanted => [...document.querySelectorAll('main tr.leads .key')].every(one => one.textContent === wanted) && document.querySelector('main tr.leads'), key);
    await first_row(page).click();
    await page.locator('.chain').waitFor();
    assert.equal(await page.locator('.chain tr[aria-current]').count(), 1, 'it stands in its own chain');
    await page.locator('main .json').first().waitFor();
    await page.reload();  // the address alone leads there
    await page.locator('.chain').waitFor();
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => document.querySelector('main h1').textContent === 'Events');
    await look.done();
  });

  await t.test('the graph and its table say the same', async () => {
    const look = await opened(url);
    const { page } = look;
    await look.go('#/flow');
    await page.locator('.graph .node').first().waitFor();
    assert.ok(await page.locator('.graph .service').count() > 0);
    assert.ok(await page.locator('.graph .topic').count() > 0);
    assert.equal(await page.locator('.graph .rail').count(), await page.locator('#paths').locator('xpath=../..').locator('tbody tr').count());
    const still = await page.locator('.graph .node rect').first().evaluate(rect => [rect.getAttribute('x'), rect.getAttribute('y')].join());
    await page.waitForResponse(() => true, { timeout: 100 }).catch(() => undefined);
    assert.equal(await page.locator('.graph .node rect').first().evaluate(rect => [rect.getAttribute('x'), rect.getAttribute('y')].join()), still);
    await look.done();
  });
}

/// Every action, where there is something to act on. `must` names those that there has to be.
async function actions(t, url, must) {
  const tried = [];
  const look = await opened(url);
  const { page } = look;
  const sent = [];
  page.on('request', request => request.method() === 'POST' && sent.push(JSON.parse(request.postData())));
  const dialog = page.locator('dialog[open]');
  const press = (name, of = page) => of.getByRole('button', { name, exact: false }).first().click();
  const outcome = async () => {
    await dialog.locator('.outcome').waitFor();
    const text = await dialog.locator('.outcome').textContent();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    return text;
  };
  await look.go();

  await t.test('publish', async () => {
    await look.hash('#/events');
    await press('Publish');
    await dialog.getByLabel('Topic').fill(await page.locator('main select option').nth(1).evaluate(option => option.value));
    await dialog.getByLabel('Type').fill('test.published');
    await dialog.getByLabel('Data').fill('{"broken": ');
    assert.equal(await dialog.getByRole('button', { name: 'Publish' }).isDisabled(), true, 'what is no JSON is not sent');
    await dialog.getByLabel('Data').fill('{"from": "the page", "long": 12345678901234567890}');
    await accessible(page, 'publish');
    await page.screenshot({ path: path.join(shots, 'publish.png') });
    await dialog.getByRole('button', { name: 'Publish' }).click();
    await dialog.locator('.outcome a').waitFor();
    await dialog.locator('.outcome a').click();
    await page.waitForFunction(() => document.querySelector('main h1')?.textContent === 'test.published');
    await page.locator('main .json').first().waitFor();
    assert.match(await page.locator('main .json').first().textContent(), /12345678901234567890/, 'a long number keeps its digits');
    tried.push('publish');
  });

  await t.test('pause, seek with its dry run, resume', async () => {
    await look.hash('#/consumers');
    await first_row(page).waitFor();
    await look.hash(await first_row(page).getAttribute('href'));
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    await press('Pause', page.locator('main'));
    await press('Pause', dialog);
    assert.match(await outcome(), /paused/);
    tried.push('pause');
    await press('Seek');
    const move = dialog.getByRole('button', { name: 'Move the group' });
    assert.equal(await dialog.getByRole('combobox').inputValue(), '', 'nothing is chosen in advance');
    await dialog.getByText('Fill in the fields above').waitFor();
    assert.equal(await move.isDisabled(), true);
    await dialog.getByRole('combobox').selectOption('earliest');
    await dialog.getByText('would be handled again').waitFor();
    assert.equal(await move.isDisabled(), false);
    await accessible(page, 'seek');
    await page.screenshot({ path: path.join(shots, 'seek.png') });
    await dialog.getByRole('combobox').selectOption('latest');
    await page.waitForFunction(() => /skipped|there already/.test(document.querySelector('dialog .dry').textContent));
    await dialog.getByRole('combobox').selectOption('earliest');
    await dialog.getByText('would be handled again').waitFor();
    await press('Move the group', dialog);
    // A broker may want its members gone rather than paused: then it is said, and nothing is moved.
    await dialog.locator('.outcome, .problem').first().waitFor();
    tried.push(await dialog.locator('.outcome').count() > 0 ? 'seek' : 'seek refused');
    await page.keyboard.press('Escape');
    await page.locator('main').getByRole('button', { name: 'Resume' }).waitFor();
    await press('Resume', page.locator('main'));
    await press('Resume', dialog);
    await outcome();
    tried.push('resume');
  });

  await t.test('redrive a reason, drop one', async () => {
    await look.hash('#/failures');
    await settled(page);
    if (await page.getByRole('button', { name: /^Redrive/ }).count() === 0) return;
    await page.locator('td .row-tools button').first().click();
    await dialog.getByText('would be handled again').waitFor();
    await accessible(page, 'redrive');
    await page.screenshot({ path: path.join(shots, 'redrive.png') });
    await dialog.locator('footer button').last().click();
    await dialog.locator('.outcome').getByText('Done.').waitFor();
    await outcome();
    tried.push('redrive');
    await look.hash('#/failures');
    const group = page.getByRole('link', { name: 'Look at all' }).first();
    if (await group.count() === 0) return;
    await look.hash(await group.getAttribute('href'));
    const drop = page.locator('td .row-tools button', { hasText: 'Drop' }).first();
    await drop.waitFor();
    const before_ = await page.locator('main [data-row]').count();
    await drop.click();
    assert.equal(await dialog.locator('footer button').last().isDisabled(), true, 'not before it is known what it would do');
    await dialog.getByText('would be given up').waitFor();
    assert.match(await dialog.locator('.dry').textContent(), /The first dead letter of this key/);
    await dialog.locator('footer button').last().click();
    await dialog.locator('.outcome').getByText('Done.').waitFor();
    assert.match(await outcome(), /\b1 dropped/, 'one, and not all of its key');
    await page.waitForFunction(was => document.querySelectorAll('main [data-row]').length < was, before_);
    tried.push('drop');
  });

  await t.test('send what the outbox holds', async () => {
    await look.hash('#/failures');
    await settled(page);
    const send = page.getByRole('button', { name: /^Send/ }).first();
    if (await send.count() === 0) return;
    await send.click();
    await press('Send again', dialog);
    await outcome();
    tried.push('outbox');
  });

  await t.test('steer a saga', async () => {
    await look.hash('#/sagas?status=stuck');
    await settled(page);
    if (await page.locator('main [data-row]').count() === 0) return;
    await look.hash(await first_row(page).getAttribute('href'));
    await page.locator('.timeline').waitFor();
    await press('Resume', page.locator('main'));
    await press('Resume', dialog);
    await outcome();
    tried.push('saga');
  });

  await t.test('the audit log has each of them', async () => {
    await look.hash('#/audit');
    await page.locator('main tbody tr').first().waitFor();
    const text = await page.locator('main tbody').textContent();
    for (const one of tried) assert.ok(new RegExp({ resume: 'pause', redrive: 'dead', drop: 'dead', publish: 'event|publish', 'seek refused': 'seek' }[one] ?? one).test(text), `${one} is not in the audit log`);
    await page.screenshot({ path: path.join(shots, 'audit.png') });
  });
  await t.test('nothing was done that had not been shown', () => {
    sent.forEach((body, at) => {
      if (body.dry_run === false) assert.ok(sent.slice(0, at).some(one => JSON.stringify(one) === JSON.stringify({ ...body, dry_run: true })), JSON.stringify(body));
    });
  });
  await t.test('what has to be tried was tried', () => {
    for (const one of must) assert.ok(tried.includes(one), `${one} was not tried: ${tried}`);
    if (must.length === 0) console.log(`# tried: ${tried.join(', ')}`);
  });
  // A refusal (409) is a line on the browser's own console, and no fault of the page.
  look.wrong.splice(0, look.wrong.length, ...look.wrong.filter(one => !/status of 409/.test(one)));
  await look.done();
}

/// Nothing in a value becomes anything but text.
async function harmless(url, options) {
  const look = await opened(url, options);
  let texts = '';
  await look.go();
  await every_page(look, async view => {
    const seen = await look.page.evaluate(() => ({
      harmed: window.harmed, images: document.querySelectorAll('img').length, scripts: document.querySelectorAll('script').length,
      handlers: [...document.querySelectorAll('*')].filter(one => [...one.attributes].some(attribute => /^on/i.test(attribute.name) || /^\s*javascript:/i.test(attribute.value))).length, text: document.body.textContent,
    }));
    texts += seen.text;
    assert.deepEqual({ ...seen, text: '' }, { harmed: undefined, images: 0, scripts: 1, handlers: 0, text: '' }, view);
    await fits(look.page, `${view} with hostile values`);
  });
  assert.ok(texts.includes('<img src=x onerror='), 'the values are shown, as text');
  assert.ok(texts.includes('\\u202e') && (given || texts.includes('\\u000a')) && !/[\u0000-\u0008\u202e]/.test(texts), 'what a screen does not show, or turns around, is written out');
  await look.done();
}

if (given) {
  test('the page over a dashboard', async t => {
    await walk(t, given);
    await t.test('actions', t2 => actions(t2, given, given_must));
    if (given_hostile) await t.test('hostile values are text', () => harmless(given));
    await t.test('a request of another site is refused', async () => {
      const send = (headers, body = '{}') => fetch(new URL('api/v1/events', given), { method: 'POST', headers, body });
      for (const headers of [{}, { 'Content-Type': 'text/plain', 'X-Tidings-Action': '1' }, { 'Content-Type': 'application/json' }, { 'Content-Type': 'application/json', 'X-Tidings-Action': '1', Origin: 'http://elsewhere.example' }]) {
        const answer = await send(headers);
        assert.ok(answer.status >= 400 && answer.status < 500 && answer.status !== 404, `${JSON.stringify(headers)}: ${answer.status}`);
      }
    });
  });
} else {
  test('its size', () => {
    const size = Number(readFileSync(path.join(out, 'page/size'), 'utf8'));
    console.log(`# ${(size / 1024).toFixed(1)} KiB compressed, of ${MOST_BYTES / 1024}`);
    assert.ok(size <= MOST_BYTES, `${size} bytes`);
  });

  test('the page over a shop in trouble', async t => {
    const shop = await mock('--actions', '--stalled');
    await walk(t, shop.url);
    await t.test('a stalled path is seen at once', async () => {
      const look = await opened(shop.url);
      await look.go('#/flow');
      await look.page.locator('.way.stalled .rail').waitFor({ state: 'attached' });  // one that is level has no height
      await look.page.getByRole('link', { name: 'stock.commands → service inventory' }).waitFor();
      assert.equal(await look.page.locator('.way.down').count() > 0, true);
      await look.done();
    });
    await t.test('actions', t2 => actions(t2, shop.url, ['publish', 'pause', 'seek', 'resume', 'redrive', 'drop', 'outbox', 'saga']));
    await shop.end();
  });

  test('who falls behind is not said to catch up', async () => {
    const shop = await mock();
    const look = await opened(shop.url);
    await look.go();
    await look.page.getByText('analytics falls behind').waitFor();
    assert.equal(await look.page.getByText('catching up').count(), 0);
    await look.done();
    await shop.end();
  });

  test('on a phone no two rows look alike, and what is to be moved is whole', async () => {
    const shop = await mock('--stalled', '--actions');
    const look = await opened(shop.url, { viewport: { width: 360, height: 740 }, hasTouch: true });
    const { page } = look;
    const cards = () => page.locator('main tbody tr').evaluateAll(all => all.map(row => [...row.children].filter(cell => getComputedStyle(cell).display !== 'none').map(cell => `${cell.dataset.name}: ${cell.innerText}`).join('\n')));
    await look.go('#/consumers');
    await first_row(page).waitFor();
    const groups = await cards();
    assert.equal(new Set(groups.map(text => text.match(/^Group: .*\nTopic: .*/)?.[0])).size, groups.length, 'a group on several topics has a card of each');
    assert.ok(groups.some(text => /Parked: [1-9]/.test(text)));
    await look.hash('#/failures?group=payments.ledger');
    await first_row(page).waitFor();
    for (const text of await cards()) assert.match(text, /Parked: .*ago[^]*amount/);
    await look.hash('#/failures');
    await page.getByText('the card network did not answer').first().waitFor();  // a code alone tells little
    await look.hash('#/flow');
    await page.locator('.graph .node').first().waitFor();
    const sizes = await page.locator('.graph text').evaluateAll(all => all.map(text => parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a));
    assert.ok(Math.min(...sizes) >= 9, `text of ${Math.min(...sizes).toFixed(1)} px in the graph`);
    await look.hash('#/consumers?group=payments.ledger&topic=payments.commands');
    await page.getByRole('button', { name: 'Seek' }).click();
    const dialog = page.locator('dialog[open]');
    assert.equal(await dialog.getByRole('combobox').inputValue(), '', 'nothing is chosen in advance');
    await dialog.getByRole('combobox').selectOption('latest');
    await dialog.locator('tbody tr').first().waitFor();
    assert.deepEqual(await dialog.locator('.scroll').evaluate(place => [place.scrollWidth - place.clientWidth, place.closest('dialog').scrollWidth - place.closest('dialog').clientWidth]), [0, 0]);
    await look.done();
    await shop.end();
  });

  test('what is hostile is text', async () => {
    const shop = await mock('--hostile', '--actions', '--stalled');
    await harmless(shop.url);
    await harmless(shop.url, { viewport: { width: 360, height: 740 } });
    await shop.end();
  });

  test('read-only: nothing can be done, and it is said', async () => {
    const shop = await mock('--stalled');
    const look = await opened(shop.url);
    await look.go();
    await every_page(look, async view => {
      const buttons = await look.page.locator('main button').allTextContents();
      assert.deepEqual(buttons.filter(text => /…/.test(text)), [], `${view} offers an action`);
    });
    await look.page.getByText('read-only', { exact: true }).waitFor();
    const answer = await look.page.evaluate(async () => (await fetch('api/v1/pause', { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Tidings-Action': '1' }, body: '{}' })).status);
    assert.equal(answer, 403);
    look.wrong.splice(0);  // the browser tells of the 403
    await look.done();
    await shop.end();
  });

  test('nothing there yet: it says what to do', async () => {
    const shop = await mock('--empty', '--no-store');
    const look = await opened(shop.url);
    look.expect(/404/);
    await look.go();
    for (const view of VIEWS) {
      await look.hash(`#/${view}`);
      await look.page.locator('main .empty').first().waitFor();
      await accessible(look.page, `${view}, empty`);
      await look.page.screenshot({ path: path.join(shots, `${view}-empty.png`) });
    }
    await look.page.getByText('--store URL').first().waitFor();
    await look.hash('#/events');
    await look.page.getByText("echo '{}' | tidings publish TOPIC --type TYPE").waitFor();  // it works as it stands there
    await look.done();
    await shop.end();
  });

  test('the tail says that it connects, and nothing of events, until the dashboard has answered', async () => {
    const shop = await mock('--empty');
    const look = await opened(shop.url);
    const { page } = look;
    let answer;
    const may_answer = new Promise(resolve => (answer = resolve));
    await page.route('**/api/v1/events/stream*', async one => {
      await may_answer;
      await one.continue();
    });
    await look.go('#/events');
    await page.locator('main .empty', { hasText: 'Connecting …' }).waitFor();
    assert.equal(await page.locator('.tail-counts').textContent(), 'nothing is known yet');
    answer();
    await page.locator('main .empty', { hasText: 'No events yet' }).waitFor();
    assert.equal(await page.locator('.tail-counts').textContent(), 'all 0 events shown');
    await look.done();
    await shop.end();
  });

  test('a hundred thousand events a second: a sample, which says so, and a page that moves on', async () => {
    const shop = await mock('--rate', '100000');
    const look = await opened(shop.url);
    const { page } = look;
    await look.go('#/events');
    await page.waitForFunction(() => document.querySelectorAll('main [data-row]').length >= 500);
    assert.match(await page.locator('.tail-counts').textContent(), /a sample: [\d,]+ of [\d,]+ shown/);
    assert.ok(await page.locator('main [data-row]').count() <= 500);
    const frames = await page.evaluate(() => new Promise(resolve => {
      const times = [];
      const frame = now => (times.push(now), times.length < 120 ? requestAnimationFrame(frame) : resolve(times.slice(1).map((time, at) => time - times[at]).sort((a, b) => a - b)));
      requestAnimationFrame(frame);
    }));
    console.log(`# frames at 100,000/s: half within ${frames[59].toFixed(1)} ms, 95 % within ${frames[113].toFixed(1)} ms, worst ${frames[118].toFixed(1)} ms`);
    await page.keyboard.press('p');  // it still takes keys
    await page.locator('.tail-state', { hasText: 'held' }).waitFor();
    await page.screenshot({ path: path.join(shots, 'events-100000.png') });
    await look.done();
    await shop.end();
  });

  test('what was a sample for a while is said to be one from then on, and where', async () => {
    const shop = await mock('--burst');
    const look = await opened(shop.url);
    const { page } = look;
    await look.go('#/events');
    const ends = page.locator('tr.gap', { hasText: 'sample ends' });
    await ends.waitFor();
    assert.match(await ends.textContent(), /117 events since it began are not in this list/);
    const order = await page.locator('main tbody tr').evaluateAll(all => all.map(row => row.classList.contains('gap') ? 'gap' : 'event').join(' '));
    assert.match(order, /gap( event)+ gap( event)+$/, 'what is a sample stands between its two lines');
    await page.waitForFunction(() => /^(event )+gap/.test([...document.querySelectorAll('main tbody tr')].map(row => row.className === 'gap' ? 'gap' : 'event').join(' ')));  // all of what comes after it is shown
    assert.match(await page.locator('.tail-counts').textContent(), /a sample: [\d,]+ of [\d,]+ shown/);
    await look.done();
    await shop.end();
  });

  test('a number that is a bound says so, and several stores stand by themselves', async () => {
    const shop = await mock('--many', '--actions');
    const look = await opened(shop.url);
    const { page } = look;
    await look.go('#/failures');
    const rows = async caption => {
      const table = page.getByRole('table', { name: caption });
      await table.waitFor();
      return table.locator('tbody tr').evaluateAll(all => all.map(row => Object.fromEntries([...row.children].map(cell => [cell.dataset.name, cell.textContent]))));
    };
    const outboxes = await rows('Outboxes by store');
    assert.deepEqual(outboxes.map(one => [one.Store, one.Waiting]), [['sqlite:./shop.db', '37'], ['sqlite:./payments.db', 'about 1,234,567'], ['sqlite:./stock.db', '0']]);
    assert.match(outboxes[1].Relay, /^late/);
    assert.doesNotMatch(outboxes[0].Relay, /late/);
    assert.equal(outboxes[2].Relay, 'nobody');
    await page.getByText('Late: the time of what this relay holds is over').waitFor();
    assert.deepEqual((await rows('Keys that the outbox holds back')).map(one => [one.Store, one.Key]), [['sqlite:./shop.db', 'order-8812'], ['sqlite:./shop.db', 'no key, row 71']]);
    assert.deepEqual((await rows('Inboxes by store')).map(one => [one.Marks, one.Consumers]), [['18,422', '3'], ['≥ 100,000', '5']]);
    await accessible(page, 'several stores');
    await page.screenshot({ path: path.join(shots, 'stores.png'), fullPage: true });
    const sent = page.waitForRequest(request => request.method() === 'POST');
    await page.getByRole('button', { name: /^Send/ }).first().click();
    await page.locator('dialog[open]').getByRole('button', { name: 'Send again' }).click();
    assert.equal(JSON.parse((await sent).postData()).store, 'sqlite:./shop.db', 'which store is meant is said');
    await page.locator('dialog[open] .outcome').waitFor();
    await page.keyboard.press('Escape');
    await look.hash('#/sagas');
    await page.locator('.chip', { hasText: 'completed' }).locator('b', { hasText: /^≥ 10,0/ }).waitFor();
    assert.doesNotMatch(await page.locator('.chip', { hasText: 'stuck' }).textContent(), /≥/);
    await look.done();
    await shop.end();
  });

  test('what is masked, and what is damaged, is said', async () => {
    const shop = await mock('--stalled');
    const look = await opened(shop.url);
    const { page } = look;
    await look.go('#/events?mode=search&type=shop.order-submitted');
    await first_row(page).waitFor();
    await page.getByText('returns is damaged, and not all of it was searched: corrupt').waitFor();
    await look.hash(await first_row(page).getAttribute('href'));
    await page.getByText('Not shown, as personal or secret: /customer.').waitFor();
    await look.hash('#/events');
    await page.locator('tr.gap', { hasText: 'returns is damaged, and not all of it is shown: corrupt' }).waitFor();
    await page.locator('tr.gap', { hasText: 'orders, partition 1: events 7 to 19 were gone before they could be read' }).waitFor();
    await look.hash('#/events?mode=search&type=shop.order-placed');
    await first_row(page).waitFor();
    await look.hash(await first_row(page).getAttribute('href'));
    await page.locator('main .json').first().waitFor();
    assert.equal(await page.getByText('Not shown, as personal').count(), 0);
    await look.done();
    await shop.end();
  });

  test('what stands in an outbox is told with causes and effects', async () => {
    const shop = await mock();
    const look = await opened(shop.url);
    const { page } = look;
    await look.go('#/events?mode=search&type=shop.charge-payment');
    await first_row(page).waitFor();
    await look.hash(await first_row(page).getAttribute('href'));
    await page.getByRole('table', { name: 'In outboxes' }).getByText('it was caused by this one; it waits in the outbox for a relay to publish it').waitFor();
    await look.done();
    await shop.end();
  });

  test('a thousand topics and groups', async () => {
    const shop = await mock('--many', '--stalled');
    const look = await opened(shop.url);
    const { page } = look;
    await look.go('#/flow');
    await page.locator('.graph .node').first().waitFor();
    await page.locator('.way.stalled .rail').first().waitFor({ state: 'attached' });
    await page.getByText('left out of the graph').waitFor();
    for (const view of ['overview', 'consumers']) {
      await look.hash(`#/${view}`);
      await first_row(page).waitFor();
      const rows = await page.locator('main section').evaluateAll(all => Math.max(...all.map(one => one.querySelectorAll('tbody tr').length)));
      assert.ok(rows <= 500, `${view} has ${rows} rows`);
      await page.getByText('The first 500 of').first().waitFor();
    }
    await page.locator('[data-find]').fill('many.topic-777');
    await page.waitForFunction(() => document.querySelectorAll('main [data-row]').length === 1);
    await look.done();
    await shop.end();
  });

  test('a dashboard that goes and comes back', async () => {
    let shop = await mock('--stalled');
    const look = await opened(shop.url);
    look.expect(/ERR_|Failed to load/);
    const { page } = look;
    await look.go('#/events');
    await first_row(page).waitFor();
    await shop.end();
    await page.locator('.lost').waitFor();
    await page.locator('#announcer', { hasText: 'lost' }).waitFor();
    shop = await mock('--port', shop.port);
    await page.locator('.lost').waitFor({ state: 'detached' });
    await page.locator('tr.gap', { hasText: 'Not connected for a while' }).waitFor();  // what the list does not have, it says
    await look.done();
    await shop.end();
  });

  test('a token is asked for, and taken', async () => {
    const shop = await mock('--token', 'sesame');
    const look = await opened(shop.url);
    look.expect(/401/);
    const { page } = look;
    await look.go();
    await page.getByLabel('Token').fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('not the token').waitFor();
    await accessible(page, 'signing in');
    await page.getByLabel('Token').fill('sesame');
    await page.keyboard.press('Enter');
    await page.locator('h2', { hasText: 'Services' }).waitFor();
    await look.done();
    await shop.end();
  });

  test('who wants no motion has none', async () => {
    const shop = await mock('--stalled');
    for (const [reducedMotion, moves] of [['reduce', false], ['no-preference', true]]) {
      const look = await opened(shop.url, { reducedMotion });
      await look.go('#/flow');
      await look.page.locator('.graph .run').first().waitFor({ state: 'attached' });
      assert.equal(await look.page.evaluate(() => document.getAnimations().some(one => one.animationName === 'run')), moves);
      await look.done();
    }
    await shop.end();
  });

  test('the first view', async () => {
    const shop = await mock('--stalled');
    const took = [];
    for (let i = 0; i < 5; ++i) {
      const look = await opened(shop.url);
      await look.page.goto(shop.url, { waitUntil: 'commit' });
      took.push(await look.page.evaluate(() => new Promise(resolve => {
        const seen = () => (document.querySelector('#services') ? resolve(performance.now()) : requestAnimationFrame(seen));
        seen();
      })));
      await look.done();
    }
    took.sort((a, b) => a - b);
    console.log(`# the overview was on show after ${took[2].toFixed(0)} ms, half of the time (${took.map(one => one.toFixed(0)).join(', ')})`);
    await shop.end();
  });
}
