import { readFile } from 'node:fs/promises';
import { expect, test, type Page } from '@playwright/test';
import { faults } from './support/axe';
import { address, admin, junction, plainUser, type Junction } from './support/city';
import { history } from './support/history';
import { choose, signIn, watchConsole } from './support/page';

/** Parts that show the present day unless somebody asks for another. */
const TODAY = new Set(['volumes', 'splits', 'ends', 'queues']);
const PARTS = ['volumes', 'compared', 'peaks', 'splits', 'ends', 'queues', 'days'];
let place: Junction;

test.beforeAll(async () => {
  place = await junction(await admin(), 'Shivaji Chowk');
  await history(place.junction_id, 15);
});

const open = (page: Page, part: string, more = '') =>
  page.goto(`${address()}/app/analysis?junction=${place.junction_id}&part=${part}${more}`);

/** The content of the file that a click brings. */
async function saved(page: Page, title: string, entry: string): Promise<{ name: string; bytes: Buffer }> {
  await page.getByRole('button', { name: `Save: ${title}` }).click();
  const coming = page.waitForEvent('download');
  await page.getByRole('menuitem', { name: entry }).click();
  const download = await coming;
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

/** Notes what is written on canvases from here on: pictures are made on one. */
const watchWriting = (page: Page) =>
  page.addInitScript(() => {
    const written: string[] = [];
    Object.assign(window, { written });
    type Write = (this: CanvasRenderingContext2D, text: string, ...rest: number[]) => void;
    const write: Write = Reflect.get(CanvasRenderingContext2D.prototype, 'fillText');
    const noted: Write = function (text, ...rest) {
      written.push(text);
      write.call(this, text, ...rest);
    };
    Object.assign(CanvasRenderingContext2D.prototype, { fillText: noted });
  });
const writing = (page: Page) =>
  page.evaluate(() => (window as unknown as { written: string[] }).written.splice(0).join('\n'));

test('a saved picture explains itself: place, lanes, span, zone, unit and legend', async ({ page }) => {
  await watchWriting(page);
  await admin();
  await signIn(page, 'admin');
  const yesterday = new Date(Date.now() - 86_400_000).toLocaleDateString('sv-SE', { timeZone: 'Asia/Kolkata' });
  await open(page, 'volumes', `&from=${yesterday}&to=${yesterday}`);
  const title = 'Vehicles in each 15 min';
  await expect(page.getByRole('region', { name: title }).getByRole('img')).toBeVisible();
  // The axis is written as it is drawn, which is the drawing that the picture takes.
  expect(await writing(page)).toContain('vehicles in 15 min');
  await saved(page, title, 'Picture (PNG)');
  const words = (await writing(page)).split('\n');
  expect(words).toEqual(expect.arrayContaining([title, 'N', 'S', 'E', 'W', 'Total', 'Not watched', 'Watched in part']));
  expect(words.join(' ')).toContain(`Shivaji Chowk · All lanes · ${yesterday} · times of Asia/Kolkata`);
  await choose(page.getByRole('combobox', { name: 'Lane' }), 'S');
  await expect(page.getByRole('button', { name: 'Total' })).toHaveCount(0);
  const picture = await saved(page, title, 'Picture (PNG)');
  expect(picture.name).toContain(`Shivaji-Chowk_S_${yesterday}`);
  expect((await writing(page)).replaceAll('\n', ' ')).toContain(`Shivaji Chowk · S · ${yesterday}`);
  await open(page, 'compared');
  const numbers = await saved(page, 'The day beside the same weekday of earlier weeks', 'These numbers (CSV)');
  expect(numbers.bytes.toString()).toContain('Time (Asia/Kolkata),');
  expect(numbers.bytes.toString()).toMatch(/,Mean before \(days: \d(–\d)?\),/);
});

test('volumes are drawn, told apart from time that nobody watched, and saved as picture and numbers', async ({
  page,
}) => {
  const complaints = watchConsole(page);
  await admin();
  await signIn(page, 'admin');
  await page.getByRole('link', { name: 'Analysis' }).click();
  await expect(page.getByRole('heading', { name: 'Analysis', level: 1 })).toBeVisible();
  await open(page, 'volumes');
  await page.getByRole('button', { name: 'Yesterday' }).click();
  const section = page.getByRole('region', { name: 'Vehicles in each 15 min' });
  await expect(section.getByRole('img')).toBeVisible();
  await expect(section.getByText('Not watched', { exact: true })).toBeVisible();
  await expect(section.getByText('Watched in part')).toBeVisible();
  await section.getByRole('button', { name: 'Show the numbers' }).click();
  const night = section.getByRole('row', { name: / 01:15 / });
  await expect(night.getByText('not known')).toHaveCount(5);
  // From 03:00 to 06:00 nobody watched one of the four lanes.
  await expect(section.getByRole('row', { name: / 04:30 / })).toContainText('75%');
  const morning = section.getByRole('row', { name: / 09:30 / });
  await expect(morning.getByText('not known')).toHaveCount(0);

  const title = 'Vehicles in each 15 min';
  const picture = await saved(page, title, 'Picture (PNG)');
  expect(picture.name).toMatch(/^Vehicles-in-each-15-min_Shivaji-Chowk_.*\.png$/);
  expect(picture.bytes.subarray(1, 4).toString()).toBe('PNG');
  const numbers = (await saved(page, title, 'These numbers (CSV)')).bytes.toString();
  expect(numbers.split('\r\n')[0]).toBe('\ufeffTime (Asia/Kolkata),N,S,E,W,Total,Watched');
  expect(numbers).toMatch(/ 01:15,,,,,,0\r\n/);
  const all = (await saved(page, title, 'All counts of the span (CSV)')).bytes.toString();
  expect(all).toMatch(/^\ufeff.*vehicle_count/);
  // The refresh of the session before there is one.
  expect(complaints.filter((text) => !text.includes('401'))).toEqual([]);
});

/** What a PNG holds, as a browser decodes it: its size, and which share of it is drawn upon. */
const decoded = (page: Page, png: Buffer) =>
  page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const picture = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    const ctx = canvas.getContext('2d');
    if (!ctx) throw new Error('this browser draws nothing');
    ctx.drawImage(picture, 0, 0);
    const pixels = new Uint32Array(ctx.getImageData(0, 0, picture.width, picture.height).data.buffer);
    const ground = pixels[0];
    const { width, height } = picture;
    return { width, height, drawn: pixels.filter((pixel) => pixel !== ground).length / pixels.length };
  }, png.toString('base64'));

/** Notes how often a texture is put upon a colour. */
const watchTextures = (page: Page) =>
  page.addInitScript(() => {
    const counted = { textures: 0 };
    Object.assign(window, { counted });
    type Make = (this: CanvasRenderingContext2D, ...of: [CanvasImageSource, string | null]) => CanvasPattern | null;
    const make: Make = Reflect.get(CanvasRenderingContext2D.prototype, 'createPattern');
    const noted: Make = function (...of) {
      counted.textures++;
      return make.apply(this, of);
    };
    Object.assign(CanvasRenderingContext2D.prototype, { createPattern: noted });
  });
const textures = (page: Page) =>
  page.evaluate(() => (window as unknown as { counted: { textures: number } }).counted.textures);

test('what stands on each other is told apart without colours, on the page and in the pictures that are saved', async ({
  page,
}) => {
  await watchTextures(page);
  await admin();
  await signIn(page, 'admin');
  const yesterday = new Date(Date.now() - 86_400_000).toLocaleDateString('sv-SE', { timeZone: 'Asia/Kolkata' });
  const pictures = { ends: 'How greens ended', splits: 'Splits', days: 'Vehicles by day' };
  for (const [part, title] of Object.entries(pictures)) {
    await open(page, part, TODAY.has(part) ? `&from=${yesterday}&to=${yesterday}` : '');
    const section = page.getByRole('region', { name: title, exact: true });
    await expect(section.getByRole('img')).toBeVisible();
    const tiles = await section
      .getByRole('group', { name: 'Series' })
      .locator('pattern path')
      .evaluateAll((paths) => paths.map((path) => path.getAttribute('d') ?? ''));
    expect(tiles.length, part).toBeGreaterThan(1);
    expect(new Set(tiles).size, part).toBe(tiles.length);
    const before = await textures(page);
    expect(before, `${part} is drawn with textures`).toBeGreaterThanOrEqual(tiles.filter(Boolean).length);
    const { name, bytes } = await saved(page, title, 'Picture (PNG)');
    expect(name).toMatch(/^[A-Z].*Shivaji-Chowk.*\.png$/);
    expect((await textures(page)) - before, `the legend of the picture of ${part}`).toBe(tiles.filter(Boolean).length);
    const picture = await decoded(page, bytes);
    expect(picture.width).toBeGreaterThan(600);
    expect(picture.height).toBeGreaterThan(350);
    expect(picture.drawn, part).toBeGreaterThan(0.03);
  }
});

test('a series is switched by keyboard, the pointer reads out its values, a span that is too long is refused in words', async ({
  page,
}) => {
  await admin();
  await signIn(page, 'admin');
  await open(page, 'volumes');
  const entry = page.getByRole('button', { name: 'Total' });
  await entry.press('Enter');
  await expect(entry).toHaveAttribute('aria-pressed', 'false');
  await page.getByRole('button', { name: 'Yesterday' }).click();
  const drawing = page.getByRole('region', { name: /Vehicles/ }).getByRole('img');
  // What is fetched meanwhile is drawn anew, and knows of the pointer when it moves again.
  await expect(async () => {
    await drawing.hover({ position: { x: 300, y: 100 } });
    await drawing.hover({ position: { x: 420, y: 120 } });
    await expect(page.getByRole('button', { name: /^N \d+$/ })).toBeVisible({ timeout: 1000 });
  }).toPass();
  await page.getByLabel('From').fill('2020-01-01');
  await expect(page.getByText(/at most 366/).first()).toBeVisible();
});

test('every part is drawn, in both languages, and its numbers can be read', async ({ page }) => {
  test.setTimeout(150_000);
  await admin();
  await signIn(page, 'admin');
  const titles: Record<string, string> = {
    volumes: 'Vehicles in each 15 min',
    compared: 'The day beside the same weekday of earlier weeks',
    peaks: 'The usual week',
    splits: 'Splits',
    ends: 'How greens ended',
    queues: 'Queue at the start of green',
    days: 'Vehicles by day',
  };
  const yesterday = new Date(Date.now() - 86_400_000).toLocaleDateString('sv-SE', { timeZone: 'Asia/Kolkata' });
  for (const part of PARTS) {
    // Yesterday, where the usual is today: soon after midnight that has nothing yet.
    await open(page, part, TODAY.has(part) ? `&from=${yesterday}&to=${yesterday}` : '');
    await expect(
      page
        .getByRole('region', { name: titles[part] ?? '' })
        .getByRole('img')
        .first(),
    ).toBeVisible();
  }
  await open(page, 'queues', `&from=${yesterday}&to=${yesterday}`);
  const waits = page.getByRole('region', { name: 'Mean wait, s' });
  await expect(waits.getByRole('img')).toBeVisible();
  await waits.getByRole('button', { name: 'Show the numbers' }).click();
  await expect(waits.getByRole('row', { name: / 09:30 / })).toContainText(/ 09:30\s*(\d+(\.\d)?\s*){4}$/);
  await open(page, 'peaks');
  const week = await saved(page, 'The usual week', 'Picture (SVG)');
  for (const word of ['Shivaji Chowk', 'All lanes', 'Asia/Kolkata', 'vehicles in the hour', 'not watched'])
    expect(week.bytes.toString()).toContain(word);
  await expect(page.getByRole('row', { name: /All lanes .* 0\.\d+/ })).toBeVisible();
  await page.getByRole('button', { name: 'Account' }).click();
  await page.getByRole('menuitem', { name: 'हिन्दी' }).click();
  await expect(page.getByRole('heading', { name: 'सामान्य सप्ताह' })).toBeVisible();
  await page.setViewportSize({ width: 390, height: 844 });
  await open(page, 'compared');
  await expect(page.getByText('पिछला औसत').first()).toBeVisible();
  expect(await faults(page)).toEqual([]);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(wide).toBeLessThanOrEqual(390);
});

test('who may look at no junction is told so', async ({ page }) => {
  const { username } = await plainUser(await admin());
  await signIn(page, username);
  await page.goto(`${address()}/app/analysis`);
  await expect(page.getByText('There is no junction that you may look at yet.')).toBeVisible();
});
