import type { Messages } from '../messages';
import { account } from './account';
import { city } from './city';
import { common } from './common';
import { junction } from './junction';
import { signal } from './signal';
import { signin } from './signin';

export const hi: Messages = { account, city, common, junction, signal, signin };
