import { expect, test } from '@playwright/test';
import config from '../playwright.config';
import { address, admin, plainUser } from './support/city';
import { Detour } from './support/detour';
import { signIn } from './support/page';
import { until } from './support/until';

const { launchOptions } = config.use ?? {};
// As in an office network without certificates: what browsers offer to pages of localhost only, such as locks between tabs, is missing.
test.use({
  launchOptions: {
    ...launchOptions,
    args: [...(launchOptions?.args ?? []), '--host-resolver-rules=MAP city.example 127.0.0.1'],
  },
});

test('two tabs over plain HTTP that go on at once stay signed in, in whatever order they are answered', async ({
  context,
}) => {
  const { username } = await plainUser(await admin());
  const detour = await Detour.to(address());
  const app = `http://city.example:${detour.port}/app/account`;
  try {
    const tabs = [await context.newPage(), await context.newPage()] as const;
    for (const [at, tab] of tabs.entries()) {
      await tab.goto(app);
      expect(await tab.evaluate(() => [isSecureContext, 'locks' in navigator])).toEqual([false, false]);
      if (at === 0) await signIn(tab, username, { stay: true });
      await expect(tab.getByTestId('live')).toHaveAttribute('data-state', 'live');
    }

    let answered = 0;
    context.on('requestfinished', (request) => {
      if (request.url().endsWith('/api/users/token/refresh')) answered++;
    });
    detour.hold('POST /api/users/token/refresh');
    await Promise.all(tabs.map((tab) => tab.reload()));
    await until('both tabs have asked with the same cookie', () => detour.waiting() === tabs.length);
    await detour.release((count) => until('the answer is there', () => answered === count));

    for (const tab of tabs) {
      await expect(tab.getByTestId('live')).toHaveAttribute('data-state', 'live');
      // Goes on by the cookie that is left.
      await tab.reload();
    }
    for (const tab of tabs) await expect(tab.getByTestId('live')).toHaveAttribute('data-state', 'live');
  } finally {
    await detour.close();
  }
});
