export const lists = {
  filters: 'Filters',
  junction: 'Junction',
  all: 'All',
  choose: 'Choose',
  clear: 'Clear',
  nothingFound: 'Nothing found',
  when: 'When',
  from: 'From',
  to: 'Until',
  user: 'User',
  device: 'Device',
  what: 'What happened',
};
