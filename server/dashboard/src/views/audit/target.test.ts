import { createInstance } from 'i18next';
import { expect, it } from 'vitest';
import type { AuditEntry } from '@/api/types';
import { languageOf } from '@/i18n/languages';
import { targetOf } from './target';

const [SWARGATE, DECCAN, CABINET, ASHA, GONE] = ['1', '2', '3', '4', '5'].map(
  (digit) => `${digit}e5bb3c1-9802-4b20-9223-e831bcbd34e0`,
) as [string, string, string, string, string];
const names = {
  junction: (id: string) => ({ [SWARGATE]: 'Swargate', [DECCAN]: 'Deccan' })[id] ?? id.slice(0, 8),
  device: (id: string) => (id === CABINET ? 'Cabinet' : undefined),
  lane: () => undefined,
  user: (id: string | null | undefined) => (id === ASHA ? 'asha' : undefined),
};
const texts = createInstance();
await texts.init({
  lng: 'en',
  resources: { en: await languageOf('en').load() },
  interpolation: { escapeValue: false },
});
const told = (action: string, target: string | null, more: Partial<AuditEntry> = {}) =>
  targetOf(
    { audit_id: 1, at: '2026-04-20T10:00:00Z', action, target, detail: {}, ...more },
    names,
    texts.getFixedT('en', 'audit'),
  );

it.each([
  ['link.update', DECCAN, { junction_id: SWARGATE }, 'Swargate → Deccan'],
  ['link.delete', GONE, { junction_id: SWARGATE }, 'Swargate → 5e5bb3c1'],
  ['device.command', CABINET, { junction_id: SWARGATE }, 'Cabinet'],
  ['device.delete', GONE, { detail: { device_name: 'Old cabinet' } }, 'Old cabinet'],
  ['device.enroll', GONE, {}, '5e5bb3c1'],
  ['alarm.acknowledge', `reader_silent ${GONE}`, { junction_id: SWARGATE }, 'Reader silent'],
  ['alarm.acknowledge', `of_later ${GONE}`, {}, 'of_later'],
  ['watchlist.add', GONE, { detail: { class: 'emergency', label: 'Ambulance 7' } }, 'Ambulance 7'],
  ['watchlist.remove', GONE, { detail: { class: 'emergency', label: null } }, 'emergency'],
  ['session.begin', GONE, { username: 'ravi', user_id: ASHA }, 'Session of ravi'],
  ['session.end', GONE, { user_id: ASHA }, 'Session of asha'],
  ['session.reused', GONE, { detail: { user_id: ASHA } }, 'Session of asha'],
  ['session.reused', GONE, { detail: { user_id: GONE } }, '5e5bb3c1'],
  ['session.end_all', 'asha', {}, 'asha'],
  ['user.update', 'control.room', {}, 'control.room'],
  ['junction.create', 'Swargate', {}, 'Swargate'],
  ['junction.import', null, {}, null],
])('%s of %s is told by name', (action, target, more, expected) => {
  expect(told(action, target, more)).toBe(expected);
});
