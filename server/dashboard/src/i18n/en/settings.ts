export const settings = {
  nav: 'Settings',
  title: 'Settings',
  text: 'The configuration of this server as it is in force. Secrets are masked. To change it, edit the file or the variable and start the server anew.',
  key: 'Key',
  value: 'Value',
  unset: 'not set',
  origin: 'Origin',
  origins: { default: 'Default', file: 'File', environment: 'Environment' },
};
