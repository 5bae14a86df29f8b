import { account } from './account';
import { analysis } from './analysis';
import { city } from './city';
import { common } from './common';
import { devices } from './devices';
import { junction } from './junction';
import { junctions } from './junctions';
import { layout } from './layout';
import { lists } from './lists';
import { plot } from './plot';
import { schedule } from './schedule';
import { setup } from './setup';
import { signal } from './signal';
import { signin } from './signin';

export const en = {
  account,
  analysis,
  city,
  common,
  devices,
  junction,
  junctions,
  layout,
  lists,
  plot,
  schedule,
  setup,
  signal,
  signin,
};
