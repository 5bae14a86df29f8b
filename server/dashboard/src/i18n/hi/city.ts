import type { Messages } from '../messages';

export const city: Messages['city'] = {
  nav: 'शहर',
  title: 'शहर',
};
