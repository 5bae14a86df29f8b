import { Center, Loader, MantineProvider, Stack, Text } from '@mantine/core';
import { QueryClientProvider } from '@tanstack/react-query';
import { Suspense, useSyncExternalStore } from 'react';
import { useTranslation } from 'react-i18next';
import { createBrowserRouter, Route, RouterProvider, Routes, ScrollRestoration, useLocation } from 'react-router';
import { session } from '@/api/session';
import { NotFound } from '@/components/NotFound';
import { Notes } from '@/components/Notes';
import { SignIn, SignInAgain } from '@/views/signin/SignIn';
import { AdminOnly } from './AdminOnly';
import { ErrorBoundary } from './ErrorBoundary';
import { LeaveGuard } from './LeaveGuard';
import { nonce } from './nonce';
import { queries } from './queries';
import { Shell } from './Shell';
import { theme, variables } from './theme';
import { views } from './views';

// All addresses are one route: which view is at which is known from the folders of `views/`. A router of this kind lets nobody leave unasked.
const router = createBrowserRouter(
  [
    {
      path: '*',
      element: (
        <ErrorBoundary>
          <ScrollRestoration />
          <Gate />
        </ErrorBoundary>
      ),
    },
  ],
  { basename: '/app' },
);

export function App() {
  return (
    <MantineProvider theme={theme} cssVariablesResolver={variables} defaultColorScheme="auto" getStyleNonce={nonce}>
      <Notes />
      <QueryClientProvider client={queries}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  );
}

/** Views for who is signed in; for others the sign-in at the same address, so that it leads on to what was asked for. */
function Gate() {
  const state = useSyncExternalStore(session.subscribe, session.state);
  const visit = useSyncExternalStore(session.subscribe, session.visit);
  const { pathname } = useLocation();
  if (state === 'unknown') return <Waiting />;
  if (state === 'signedOut') return <SignIn />;
  return (
    <>
      <Shell key={visit}>
        <LeaveGuard />
        <ErrorBoundary at={pathname}>
          <Suspense fallback={<Waiting />}>
            <Routes>
              {views.map(({ path, Page, admin }) => (
                <Route
                  key={path}
                  path={path}
                  element={
                    admin ? (
                      <AdminOnly>
                        <Page />
                      </AdminOnly>
                    ) : (
                      <Page />
                    )
                  }
                />
              ))}
              <Route path="*" element={<NotFound />} />
            </Routes>
          </Suspense>
        </ErrorBoundary>
      </Shell>
      {state === 'interrupted' && <SignInAgain />}
    </>
  );
}

function Waiting() {
  const { t } = useTranslation();
  const isUnreached = useSyncExternalStore(session.subscribe, session.isUnreached);
  return (
    <Center mih="60vh">
      <Stack align="center">
        <Loader aria-label={t('loading')} />
        <Text role="status">{isUnreached && t('refused.tryingAgain')}</Text>
      </Stack>
    </Center>
  );
}
