export const signin = {
  title: 'Sign in',
  username: 'User name',
  password: 'Password',
  submit: 'Sign in',
  totp: 'One-time code',
  totpHint: 'Six digits from your authenticator app, or a recovery code',
  ended: 'Your session has ended. Sign in again.',
  unsaved: {
    title: 'Something is not saved yet',
    text: 'It is still there: who signs in again as the same user goes on with it. When another user signs in it is lost.',
  },
  untold:
    'The server could not be told that you have signed out. It is tried again; until then this browser may still sign in as you.',
  setup: {
    title: 'Set up the first administrator',
    text: 'Nobody is registered on this server yet. This account may do everything.',
    token: 'Set-up token',
    tokenHint: 'From the start-up log of the server',
    email: 'E-mail address',
    fullName: 'Full name (optional)',
    passwordHint: 'At least 12 characters, hard to guess',
    submit: 'Register and sign in',
  },
};
