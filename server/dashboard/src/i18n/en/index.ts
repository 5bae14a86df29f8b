import { account } from './account';
import { alarms } from './alarms';
import { analysis } from './analysis';
import { audit } from './audit';
import { city } from './city';
import { common } from './common';
import { deadletters } from './deadletters';
import { devices } from './devices';
import { junction } from './junction';
import { junctions } from './junctions';
import { layout } from './layout';
import { lists } from './lists';
import { logs } from './logs';
import { people } from './people';
import { plot } from './plot';
import { schedule } from './schedule';
import { settings } from './settings';
import { setup } from './setup';
import { signal } from './signal';
import { signin } from './signin';
import { watchlist } from './watchlist';

export const messages = {
  account,
  alarms,
  analysis,
  audit,
  city,
  common,
  deadletters,
  devices,
  junction,
  junctions,
  layout,
  lists,
  logs,
  people,
  plot,
  schedule,
  settings,
  setup,
  signal,
  signin,
  watchlist,
};
