import mqtt from 'mqtt';
import { call, junction, type Junction, PASSWORD } from '../support/city';
import { history, sql } from '../support/history';
import { Road } from '../support/road';
import { type More, Street } from './street';

/** Junctions of the city: name, latitude, longitude. */
const PLACES = [
  ['Nal Stop', 18.5076, 73.8296],
  ['Deccan Gymkhana', 18.5167, 73.8416],
  ['Kothrud Depot', 18.5021, 73.8076],
  ['Warje Junction', 18.4815, 73.8005],
  ['Swargate', 18.5018, 73.8636],
  ['University Circle', 18.5413, 73.8308],
  ['Baner Phata', 18.5504, 73.8052],
  ['Pulgate', 18.5072, 73.8794],
  ['Hadapsar Gadital', 18.5003, 73.9297],
  ['Katraj Chowk', 18.4529, 73.8553],
  ['Wakdewadi', 18.5415, 73.8497],
  ['Bund Garden', 18.5364, 73.8834],
] as const;

/** Ways between them, metres. */
const WAYS = [
  ['Kothrud Depot', 'Nal Stop', 2400],
  ['Nal Stop', 'Deccan Gymkhana', 1600],
  ['Warje Junction', 'Kothrud Depot', 2500],
  ['Deccan Gymkhana', 'University Circle', 3000],
  ['University Circle', 'Baner Phata', 2900],
  ['University Circle', 'Wakdewadi', 2000],
  ['Wakdewadi', 'Bund Garden', 3600],
  ['Deccan Gymkhana', 'Swargate', 2900],
  ['Swargate', 'Pulgate', 1800],
  ['Pulgate', 'Hadapsar Gadital', 5400],
  ['Swargate', 'Katraj Chowk', 5600],
  ['Pulgate', 'Bund Garden', 3300],
] as const;

/** Six lanes, two stages. */
const LANES = {
  lanes: (
    [
      ['N1', 'N'],
      ['N2', 'N'],
      ['S1', 'S'],
      ['S2', 'S'],
      ['E', 'E'],
      ['W', 'W'],
    ] as const
  ).map(([lane_name, direction_enum], at) => ({ lane_index: at + 1, lane_name, direction_enum })),
  groups: [],
  stages: [
    { stage: 'NS', groups: ['N1', 'N2', 'S1', 'S2'], min_green_s: 10, max_green_s: 60 },
    { stage: 'EW', groups: ['E', 'W'], min_green_s: 8, max_green_s: 45 },
  ],
};

/** What the junction of the pictures decides while a stage has green: to hold it, or what a change would cost. */
const DECISION: More = {
  decisions: {
    NS: {
      stage: 'NS',
      hold_s: 6,
      cost: 184,
      alternatives: [{ stage: 'EW', hold_s: 0, cost: 241 }],
      reason: 'stay in NS: 184; go to EW now: 241 vehicle-seconds.',
    },
    EW: {
      stage: 'EW',
      hold_s: 4,
      cost: 156,
      alternatives: [{ stage: 'NS', hold_s: 0, cost: 203 }],
      reason: 'stay in EW: 156; go to NS now: 203 vehicle-seconds.',
    },
  },
};

const FAULT = 'lamp E red draws no current';
const FLASHING = { state: 'flash', control: 'fault', fault: FAULT, interlock_trips: 1 };

/** What is said by the roads that are not as they should be. */
const TROUBLE: Record<string, object> = {
  'Katraj Chowk': {
    readers: [
      {
        name: 'north',
        state: 'up',
        reads_per_s: 10.4,
        bad_frames: 0,
        dropped_bytes: 0,
        protocol: 'uhfreader',
        baud: 57_600,
      },
      {
        name: 'east',
        state: 'down',
        reads_per_s: 0,
        bad_frames: 0,
        dropped_bytes: 0,
        detail: '/dev/ttyUSB1 is gone: check its plug',
      },
    ],
  },
  Pulgate: { clock: 'unsynced' },
  Wakdewadi: { outbox: { rows: 412, oldest_s: 1400, bytes: 409_600, dropped: 0, parked: 2, counts_made: 90_112 } },
};

export interface City {
  /** Ids by the junctions' names. */
  junctions: Map<string, string>;
  /** Ids of a device of each junction, by the junctions' names. */
  devices: Map<string, string>;
  close: () => Promise<void>;
}

/** A city on a working day: twelve junctions with weeks of traffic, people, alarms and what else the views show. */
export async function city(token: string): Promise<City> {
  const junctions: Record<string, Junction> = {};
  const streets: Street[] = [];
  for (const [at, [name, latitude, longitude]] of PLACES.entries()) {
    const made = await junction(token, name, { latitude, longitude });
    junctions[name] = made;
    const path = `/api/junctions/${made.junction_id}`;
    if (name === 'Nal Stop') await call('PUT', `${path}/lanes`, token, LANES);
    await history(made.junction_id, name === 'Nal Stop' ? 35 : 1);
    if (name === 'Warje Junction') continue;
    const more: More =
      name === 'Nal Stop'
        ? { ...DECISION, ...ESTIMATES }
        : name === 'Hadapsar Gadital'
          ? { controller: FLASHING }
          : (TROUBLE[name] ?? {});
    streets.push(await Street.open(token, made, `Cabinet ${at + 1}`, more, 7 * at));
  }
  const id = (name: string) => junctions[name]?.junction_id ?? '';
  for (const [from, to, distance_m] of WAYS)
    for (const [a, b] of [
      [from, to],
      [to, from],
    ] as const)
      await call('PUT', `/api/links/${id(a)}/${id(b)}`, token, {
        distance_m,
        free_flow_s: Math.round(distance_m / 11),
      });
  // A device that was heard once and is silent since; one that waits for its enrolment.
  const silent = await Road.open(token, junctions['Warje Junction'] as Junction);
  await call('PATCH', `/api/devices/${silent.device}`, token, { device_name: 'Cabinet 4' });
  await silent.status({ online: false });
  await silent.close();
  await call('POST', '/api/devices', token, {
    junction_id: id('Bund Garden'),
    device_name: 'Mast north',
    device_type: 'rfid_counter',
    lanes: [],
  });
  await people(token, id);
  await work(token, id);
  for (const street of streets) await street.run();
  await messages(id('Swargate'));
  await past(junctions, silent.device);
  return {
    junctions: new Map(Object.values(junctions).map((it) => [it.junction_name, it.junction_id])),
    devices: new Map(streets.map(({ device, place }) => [place, device])),
    close: async () => {
      for (const street of streets) await street.close();
    },
  };
}

const estimate = (value: number, age_s = 20) => ({ value, age_s, confidence: 0.9 });
const ESTIMATES = {
  estimates: {
    lanes: Object.fromEntries(
      LANES.lanes.map(({ lane_name }, at) => [
        lane_name,
        {
          flow_per_h: estimate(420 - 45 * at),
          headway_s: estimate(1.8 + at / 20),
          startup_loss_s: estimate(2.1),
          read_rate: estimate(0.97 - at / 100),
          tagged_share: estimate(0.71),
          present: estimate(at % 4),
        },
      ]),
    ),
  },
};

/** Users by what they do; no name of a person. */
async function people(token: string, id: (name: string) => string): Promise<void> {
  const users = [
    ['control.room', 'Control room', false],
    ['signal.cell', 'Signal cell', true],
    ['ward.west', 'Ward office west', false],
    ['consultant', 'Traffic consultant', false],
  ] as const;
  for (const [username, full_name, is_admin] of users) {
    const body = { username, full_name, is_admin, email: `${username}@city.example`, password: PASSWORD };
    const { user_id } = await call<{ user_id: string }>('POST', '/api/users/register', token, body);
    if (is_admin) continue;
    const role = username === 'consultant' ? 'observer' : 'operator';
    for (const name of ['Nal Stop', 'Deccan Gymkhana', 'Swargate', 'Kothrud Depot'])
      await call('PUT', `/api/users/${user_id}/access/${id(name)}`, token, { role });
  }
}

/** What people set: schedules, overrides, watched vehicles. */
async function work(token: string, id: (name: string) => string): Promise<void> {
  const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri'];
  await call('PUT', `/api/junctions/${id('Nal Stop')}/schedule`, token, {
    entries: [
      {
        name: 'Morning peak',
        days: weekdays,
        from: '08:00',
        to: '11:00',
        limits: { min_cycle_s: 80, max_cycle_s: 120 },
      },
      {
        name: 'Evening peak',
        days: weekdays,
        from: '17:00',
        to: '20:30',
        limits: { min_cycle_s: 80, max_cycle_s: 120 },
      },
      {
        name: 'School hour',
        days: [...weekdays, 'sat'],
        from: '12:30',
        to: '13:30',
        plan: {
          stages: [
            { stage: 'NS', green_s: 30 },
            { stage: 'EW', green_s: 25 },
          ],
          offset_s: 12,
        },
      },
      { name: 'Night', days: [...weekdays, 'sat', 'sun'], from: '23:00', to: '05:00', limits: { max_cycle_s: 60 } },
      { name: 'Market', days: ['sun', 'holiday'], from: '09:00', to: '14:00', limits: { min_green_s: 15 } },
    ],
    holidays: [{ date: '2027-01-26', name: 'Republic Day' }],
  });
  await call('PUT', `/api/junctions/${id('Swargate')}/mode`, token, {
    mode: 'manual_override',
    stages: ['N', 'S', 'E', 'W'].map((stage, at) => ({ stage, green_s: at < 2 ? 30 : 12 })),
    expires_in_minutes: 45,
    reason: 'Procession on the main road',
  });
  const lanes = await call<{ lane_id: string; lane_name: string }[]>(
    'GET',
    `/api/junctions/${id('University Circle')}/lanes`,
    token,
  );
  await call('PUT', `/api/junctions/${id('University Circle')}/mode`, token, {
    mode: 'emergency',
    lane_id: lanes.find(({ lane_name }) => lane_name === 'E')?.lane_id,
    expires_in_minutes: 10,
    reason: 'Ambulance to the hospital',
  });
  const watched = [
    ['34161FA8203E7CB202000020', 'transit', 'Bus 7', ['Nal Stop', 'Deccan Gymkhana']],
    ['34161FA8203E7CB202000021', 'emergency', 'Ambulance 4', ['Nal Stop', 'University Circle', 'Swargate']],
    ['34161FA8203E7CB202000022', 'emergency', 'Fire engine 2', ['Swargate']],
  ] as const;
  for (const [epc, kind, label, names] of watched)
    await call('POST', '/api/watchlist', token, {
      junction_ids: names.map(id),
      epc,
      class: kind,
      label,
      valid_until: '2028-03-31T18:30:00Z',
    });
}

/** Messages that cannot be used, and a sender that nobody has made a device. */
async function messages(junctionId: string): Promise<void> {
  const client = await mqtt.connectAsync(process.env.FLEXTRAFF_MQTT__URL ?? '');
  const nobody = '5b0d3c52-6a1e-4c57-9a53-0d4f5e6b7a81';
  const lane = '0f7c3f0e-22d4-4f4e-8b0c-6f1f2f0f9d10';
  const sent: [string, string][] = [
    [`flextraff/${junctionId}/signal`, '{"v": 1, "stage":'],
    [`flextraff/${junctionId}/status/${nobody}`, JSON.stringify({ v: 1, device_id: nobody, online: true })],
    [
      `flextraff/${junctionId}/${lane}/car-counts`,
      JSON.stringify({ junction_id: junctionId, lane_id: lane, vehicle_count: 3, epc_ids: [] }),
    ],
    [`flextraff/${junctionId}/status/${nobody}`, JSON.stringify({ v: 9, device_id: nobody, online: true })],
  ];
  for (const [topic, payload] of sent) await client.publishAsync(topic, payload, { qos: 1 });
  await client.endAsync();
}

/** What was before this hour: alarms that a run of minutes cannot have, lines of the log. */
async function past(junctions: Record<string, Junction>, silent: string): Promise<void> {
  const at = (name: string) => `'${junctions[name]?.junction_id}'`;
  await sql(`
    INSERT INTO alarms (junction_id, device_id, kind, severity, message, detail, opened_at, acknowledged_at, acknowledged_by, acknowledged_by_name,
      closed_at)
    SELECT j::uuid, d::uuid, kind, severity, message, detail::jsonb, now() - since::interval, now() - seen::interval,
      (SELECT user_id FROM users WHERE username = 'control.room' AND seen IS NOT NULL),
      CASE WHEN seen IS NOT NULL THEN 'control.room' END, now() - over::interval
    FROM (VALUES
      (${at('Warje Junction')}, '${silent}', 'device_offline', 'error', 'The device is not heard; the junction goes on alone and its counts wait there', '{}', '3 hours', '2 hours 50 minutes', NULL),
      (${at('Pulgate')}, NULL, 'count_anomaly', 'warning', 'No vehicle for an hour on lanes where many are usual at this time of day: E', '{"usual": {"E": 41.5}}', '40 minutes', NULL, NULL),
      (${at('Baner Phata')}, NULL, 'reader_silent', 'warning', 'Reader west is silent', '{"readers": ["west"]}', '26 hours', '25 hours', '22 hours'),
      (${at('Deccan Gymkhana')}, NULL, 'door_open', 'info', 'The cabinet''s door is open', '{}', '30 hours', NULL, '29 hours')
    ) AS a (j, d, kind, severity, message, detail, since, seen, over)
    ON CONFLICT DO NOTHING`);
}
