import { expect, test } from '@playwright/test';
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { build, preview } from 'vite';
import { address, admin } from './support/city';

/** All that a further language is: a file, here of one who has only begun. */
const MARATHI = `
export const messages = {
  common: { language: 'भाषा' },
  signin: { title: 'साइन इन करा', username: 'वापरकर्ता नाव' },
};
`;

const here = resolve(import.meta.dirname, '..');

test('a further language is one file: it is offered by its name, spoken, and English where it has no words yet', async ({
  page,
}) => {
  test.setTimeout(180_000);
  await admin();
  const root = resolve(here, 'test-results/language');
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  for (const part of ['src', 'public', 'index.html', 'vite.config.ts'])
    cpSync(resolve(here, part), resolve(root, part), { recursive: true });
  symlinkSync(resolve(here, 'node_modules'), resolve(root, 'node_modules'));
  writeFileSync(resolve(root, 'src/i18n/mr.ts'), MARATHI);
  const config = { root, configFile: resolve(root, 'vite.config.ts'), logLevel: 'warn' } as const;
  await build(config);
  const proxy = { '/api': address(), '/ws': { target: address(), ws: true } };
  const server = await preview({ ...config, preview: { host: '127.0.0.1', port: 0, proxy } });
  try {
    await page.goto(server.resolvedUrls?.local[0] ?? '');
    await page.getByRole('button', { name: 'मराठी' }).click();
    await expect(page.getByRole('heading', { name: 'साइन इन करा' })).toBeVisible();
    await expect(page.locator('html')).toHaveAttribute('lang', 'mr');
    await expect(page.getByLabel('वापरकर्ता नाव')).toBeVisible();
    await expect(page.getByRole('textbox', { name: 'Password' })).toBeVisible();
    await page.reload();
    await expect(page.getByRole('heading', { name: 'साइन इन करा' })).toBeVisible();
  } finally {
    await server.close();
  }
});
