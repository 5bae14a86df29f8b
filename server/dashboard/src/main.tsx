import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './app/base.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { session } from './api/session';
import { App } from './app/App';
import { shareNonce } from './app/nonce';
import { followFeed, queries } from './app/queries';
import { tellRefusals } from './app/refusals';
import { anyUnsaved } from './components/edits/unsaved';
import { startTexts } from './i18n';
import { feed } from './live/feed';

const root = document.getElementById('root');
if (!root) throw new Error('The page has no element for the dashboard');

shareNonce();
session.interruptWhile(anyUnsaved);
followFeed(queries);
feed.read(tellRefusals(queries));
const texts = startTexts();
// The cookie of an earlier visit signs in, as soon as the server is there.
session.start();
await texts;
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
