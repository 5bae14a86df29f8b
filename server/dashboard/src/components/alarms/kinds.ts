/** What alarms there are, as the server names them. */
export const KINDS = [
  'signal_fault',
  'device_offline',
  'reader_silent',
  'plan_refused',
  'config_differs',
  'count_anomaly',
  'clock_unsynced',
  'outbox_growing',
  'rows_rejected',
  'rows_lost',
  'disk',
  'second_client',
  'door_open',
  'tag_too_often',
  'too_many_emergencies',
  'tag_in_two_places',
  'certificate_expiring',
] as const;

export type Kind = (typeof KINDS)[number];

/** Whether this page has a name for a kind; a newer server may have others. */
export const isKind = (name: string | null): name is Kind => (KINDS as readonly (string | null)[]).includes(name);
