import { expect, test } from '@playwright/test';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { admin, junction } from './support/city';
import { signIn } from './support/page';
import { serve } from './support/start';

/** A grey square of one pixel. */
const TILE = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==',
  'base64',
);

interface TileServer {
  origin: string;
  asked: string[];
  server: Server;
}

/** A server of map tiles on this machine, which keeps what it is asked for. */
async function tileServer(): Promise<TileServer> {
  const asked: string[] = [];
  const server = createServer((request, answer) => {
    asked.push(request.url ?? '');
    answer.writeHead(200, { 'Content-Type': 'image/png' }).end(TILE);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, server };
}

test('map tiles come from the host that the server names, with whose map it is, and from no other', async ({
  page,
}) => {
  await junction(await admin(), `Mapped ${Date.now()}`);
  const [own, other] = [await tileServer(), await tileServer()];
  const served = await serve('tiles', process.env.FLEXTRAFF_TEST_DATABASE ?? '', {
    FLEXTRAFF_DASHBOARD__TILE_URL: `${own.origin}/map/{z}/{x}/{y}.png`,
    FLEXTRAFF_DASHBOARD__TILE_ATTRIBUTION: '© the makers of <b>this</b> map',
  });
  try {
    await page.goto(`${served.url}/app/`);
    await signIn(page, 'admin', { stay: true });
    const map = page.getByTestId('map');
    await expect(map.locator('.leaflet-tile-loaded').first()).toBeVisible();
    // A picture that the policy refuses, or that is none, has no size.
    const drawn = () =>
      map.locator('img.leaflet-tile').evaluateAll((all) => all.map((it) => (it as HTMLImageElement).naturalWidth));
    await expect.poll(async () => (await drawn()).every((width) => width === 1)).toBe(true);
    expect(own.asked.length).toBeGreaterThan(3);
    for (const path of own.asked) expect(path).toMatch(/^\/map\/\d+\/\d+\/\d+\.png$/);
    // Text, whatever stands in it.
    await expect(map.getByText('© the makers of <b>this</b> map')).toBeVisible();

    const refused = await page.evaluate(
      (src) =>
        new Promise<string>((told) => {
          addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI }) =>
            told(`${effectiveDirective} ${blockedURI}`),
          );
          const picture = new Image();
          picture.addEventListener('load', () => told('shown'));
          picture.src = src;
        }),
      `${other.origin}/map/1/1/1.png`,
    );
    expect(refused).toBe(`img-src ${other.origin}/map/1/1/1.png`);
    expect(other.asked).toEqual([]);
  } finally {
    await served.stop();
    own.server.close();
    other.server.close();
  }
});
