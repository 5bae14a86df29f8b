import { account } from './account';
import { analysis } from './analysis';
import { city } from './city';
import { common } from './common';
import { junction } from './junction';
import { plot } from './plot';
import { signal } from './signal';
import { signin } from './signin';

export const en = { account, analysis, city, common, junction, plot, signal, signin };
