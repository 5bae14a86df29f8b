import i18next from 'i18next';
import { expect, it } from 'vitest';
import { Format } from './format';
import { isMixed, zonesOf } from './zones';

const zones = zonesOf([
  { junction_id: 'pune', time_zone: 'Asia/Kolkata' },
  { junction_id: 'thane', time_zone: 'Asia/Kolkata' },
  { junction_id: 'birgunj', time_zone: 'Asia/Kathmandu' },
]);

it('a row has the zone of its junction, and that of most junctions when it belongs to none', () => {
  expect(zones.of('birgunj')).toBe('Asia/Kathmandu');
  expect([zones.of(null), zones.of(undefined), zones.of('gone'), zones.city]).toEqual(Array(4).fill('Asia/Kolkata'));
});

it('of zones with as many junctions the first by name is the city’s; without junctions it is that of India', () => {
  const even = [
    { junction_id: 'a', time_zone: 'Asia/Kathmandu' },
    { junction_id: 'b', time_zone: 'Asia/Colombo' },
  ];
  expect([zonesOf(even).city, zonesOf(even.toReversed()).city]).toEqual(['Asia/Colombo', 'Asia/Colombo']);
  expect(zonesOf([]).of(null)).toBe('Asia/Kolkata');
});

it('rows are mixed when they stand in more than one zone', () => {
  expect(isMixed(zones, ['pune', 'thane', null])).toBe(false);
  expect(isMixed(zones, ['pune', 'birgunj'])).toBe(true);
  expect(isMixed(zones, ['birgunj', null])).toBe(true);
  expect(isMixed(zones, [])).toBe(false);
});

it('the name of the zone stands behind a time when it is asked for', () => {
  const at = '2026-02-10T03:00:00Z';
  const write = (zone: string, named: boolean) => new Format('en-IN', i18next.t, zone, named).dateTime(at);
  expect(write('Asia/Kolkata', false)).toBe('10 Feb, 08:30');
  expect(write('Asia/Kolkata', true)).toBe('10 Feb, 08:30 IST');
  expect(write('Asia/Kathmandu', true)).toMatch(/^10 Feb, 08:45 \S+$/);
  expect(new Format('en-IN', i18next.t, 'Asia/Kolkata', true).fullTime(at)).toBe('10 Feb 2026, 08:30 IST');
});

it('a moment of another day, as the junction counts days, has its day', () => {
  const [before, after] = ['2026-02-09T18:29:00Z', '2026-02-09T18:31:00Z'];
  const india = new Format('en-IN', i18next.t, 'Asia/Kolkata');
  expect(india.moment(after, '2026-02-10T03:00:00Z')).toBe('00:01:00');
  expect(india.moment(before, '2026-02-10T03:00:00Z')).toBe('9 Feb, 23:59:00');
  expect(new Format('en-IN', i18next.t, 'UTC').moment(before, after)).toBe('18:29:00');
});

it('a line of a log tells seconds, and the year when it is another one where the junction is', () => {
  const line = (zone: string, named = false) =>
    new Format('en-IN', i18next.t, zone, named).line('2025-12-31T18:40:05Z', '2026-02-10T03:00:00Z');
  expect(line('Asia/Kolkata')).toBe('1 Jan, 00:10:05');
  expect(line('Asia/Kolkata', true)).toBe('1 Jan, 00:10:05 IST');
  expect(line('UTC')).toBe('31 Dec 2025, 18:40:05');
});

it('times in a sentence of the server are written in the zone of the row', () => {
  const format = new Format('en-IN', i18next.t, 'Asia/Kolkata');
  const said = 'An emergency was set until 2026-02-10T03:00:00Z, after 2026-02-10T02:00:00.250Z: 2026-02-10T03:00';
  expect(format.sentence(said)).toBe('An emergency was set until 10 Feb, 08:30, after 10 Feb, 07:30: 2026-02-10T03:00');
  expect(format.sentence('The device is online')).toBe('The device is online');
});
