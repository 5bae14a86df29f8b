import type { Messages } from '../messages';
import { account } from './account';
import { analysis } from './analysis';
import { city } from './city';
import { common } from './common';
import { junction } from './junction';
import { junctions } from './junctions';
import { layout } from './layout';
import { plot } from './plot';
import { schedule } from './schedule';
import { setup } from './setup';
import { signal } from './signal';
import { signin } from './signin';

export const hi: Messages = {
  account,
  analysis,
  city,
  common,
  junction,
  junctions,
  layout,
  plot,
  schedule,
  setup,
  signal,
  signin,
};
