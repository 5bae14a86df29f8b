import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { render, screen } from '@testing-library/react';
import { beforeAll, describe, expect, it } from 'vitest';
import { chooseLanguage, startTexts } from '@/i18n';
import { messages } from '@/i18n/en';
import { Page } from '@/testing/page';
import { Coded, keyOf } from './Coded';

beforeAll(startTexts);

const SERVER = resolve(import.meta.dirname, '../../../../src');
const source = readdirSync(SERVER, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.rs'))
  .map((name) => readFileSync(resolve(SERVER, name), 'utf8'))
  .join('\n');
const written = (pattern: RegExp) => [...new Set([...source.matchAll(pattern)].map(([, code = '']) => keyOf(code)))];

describe('there are words for each code that the server writes, and for no other,', () => {
  it('in the audit log', () => {
    // One function writes what it is called with: the name of its parameter stands where others have a code.
    expect(written(/Deed::new\(\s*([^"\s).]+)\)/g)).toEqual([keyOf('action')]);
    const codes = [...written(/Deed::new\(\s*"([^"]+)"/g), ...written(/\brewrite\([^;]*?"([^"]+)"/g)];
    expect(codes.length).toBeGreaterThan(40);
    expect(Object.keys(messages.audit.actions).sort()).toEqual(codes.sort());
  });

  it('in the log', () => {
    const codes = written(/Self::[A-Z]\w+ => "([a-z]+\.[a-z]+)"/g);
    expect(codes.length).toBeGreaterThan(10);
    expect(Object.keys(messages.logs.kinds).sort()).toEqual(codes.sort());
  });
});

it('a code is told in words of the language that is shown, with itself beside them, and alone where there are none', async () => {
  render(
    <>
      <Coded code="user.totp.reset" words="audit:actions" />
      <Coded code="device.enroll" words="audit:actions" />
      <Coded code="plan.refused" words="logs:kinds" />
      <Coded code="signal.of_later" words="logs:kinds" />
    </>,
    { wrapper: Page },
  );
  for (const text of ['Second factor reset', 'Device enrolled', 'Plan refused'])
    expect(screen.getByText(text)).toBeDefined();
  expect(screen.getByText('user.totp.reset').lang).toBe('en');
  expect(screen.getByText('signal.of_later').tagName).toBe('CODE');
  await chooseLanguage('hi');
  try {
    expect(await screen.findByText('दूसरा सत्यापन हटाया')).toBeDefined();
    expect(screen.getByText('user.totp.reset')).toBeDefined();
  } finally {
    await chooseLanguage('en');
  }
});
