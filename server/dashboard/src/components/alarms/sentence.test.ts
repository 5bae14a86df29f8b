import { createInstance } from 'i18next';
import { expect, it } from 'vitest';
import type { Alarm } from '@/api/types';
import { Format } from '@/i18n/format';
import { languageOf } from '@/i18n/languages';
import { KINDS } from './kinds';
import { toldOf } from './sentence';

const alarm = (kind: string, message: string, detail: object = {}): Alarm => ({
  alarm_id: '1',
  kind,
  severity: 'warning',
  message,
  detail: detail as Record<string, unknown>,
  opened_at: '2026-02-10T03:00:00Z',
});

const hindi = async () => {
  const texts = createInstance();
  await texts.init({
    lng: 'hi',
    resources: { hi: await languageOf('hi').load() },
    interpolation: { escapeValue: false },
  });
  return {
    t: texts.getFixedT('hi', 'alarms'),
    format: new Format(languageOf('hi').locale, texts.getFixedT('hi', 'common')),
  };
};

it('in English the server’s own sentence stands', async () => {
  const { t, format } = await hindi();
  const told = toldOf(alarm('door_open', 'The cabinet’s door is open'), 'en', t, format);
  expect(told).toEqual({ text: 'The cabinet’s door is open', original: null });
  const offline = alarm('device_offline', 'not heard since 2026-02-10T03:00:00Z', {
    last_heartbeat: '2026-02-10T03:00:00Z',
  });
  expect(toldOf(offline, 'en', t, format).text).not.toContain('Z');
  const certificate = alarm('certificate_expiring', 'The certificate has expired on 2026-03-12 (UTC): run this', {
    certificate_until: '2026-03-12T20:00:00Z',
  });
  const english = new Format('en-IN', createInstance().t);
  const { text } = toldOf(certificate, 'en', t, english);
  expect(text).toBe('The certificate has expired on 13 Mar 2026, 01:30: run this');
});

it('in another language the kind and its details are said, and the original where it knows more', async () => {
  const { t, format } = await hindi();
  const told = (kind: string, detail: object = {}) => toldOf(alarm(kind, 'The original', detail), 'hi', t, format);
  expect(told('device_offline', { last_heartbeat: '2026-02-10T03:00:00Z' }).text).toContain('08:30');
  expect(told('device_offline').text).not.toContain('–');
  expect(told('certificate_expiring', { certificate_until: '2026-03-12T00:00:00Z' }).text).toContain('2026');
  expect(told('count_anomaly', { usual: { N1: 40.5, E: 22 } }).text).toContain('N1, E');
  expect(told('reader_silent', { readers: ['mast', 'north'] })).toMatchObject({
    text: expect.stringContaining('mast, north') as string,
    original: 'The original',
  });
  expect(told('door_open').original).toBeNull();
  expect(told('of_a_newer_server')).toEqual({ text: 'The original', original: null });
  for (const kind of KINDS) expect(told(kind).text, kind).not.toMatch(/\{\{|sentence\./);
});
