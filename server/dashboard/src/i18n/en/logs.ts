export const logs = {
  nav: 'Log',
  title: 'Log',
  level: 'Level',
  leastLevel: 'Level, at least',
  type: 'About',
  where: 'Where',
  none: 'Nothing is in the log that matches.',
  types: {
    device: 'Devices',
    counts: 'Counts',
    plan: 'Plans',
    override: 'Overrides',
    schedule: 'Schedules',
    alarm: 'Alarms',
    server: 'Server',
    retention: 'Retention',
  },
};
