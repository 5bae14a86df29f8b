export const city = {
  nav: 'City',
  title: 'City',
};
