import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { MemoryRouter } from 'react-router';
import { vi } from 'vitest';

/** What the server answers to a request; undefined: that it knows nothing of it. */
export type Answers = (url: URL, request: Request) => unknown;

/** Answers what the page asks for. */
export function answerWith(answers: Answers): void {
  vi.stubGlobal('fetch', (input: Request | string) => {
    const request = input instanceof Request ? input : new Request(new URL(input, location.origin));
    const url = new URL(request.url);
    // Nobody is signed in: requests go without a token.
    if (url.pathname === '/api/users/token/refresh') return Promise.resolve(new Response('{}', { status: 401 }));
    const answer = answers(url, request);
    if (answer instanceof Promise) return answer;
    if (answer instanceof Response) return Promise.resolve(answer);
    return Promise.resolve(answer === undefined ? new Response('{}', { status: 404 }) : Response.json(answer));
  });
}

/** What stands around everything that is drawn: the component library, what is fetched, and an address. */
export function Page({ children, at = '/' }: { children: ReactNode; at?: string }) {
  const [client] = useState(() => new QueryClient({ defaultOptions: { queries: { retry: false } } }));
  return (
    <MantineProvider env="test">
      <QueryClientProvider client={client}>
        <MemoryRouter initialEntries={[at]}>{children}</MemoryRouter>
      </QueryClientProvider>
    </MantineProvider>
  );
}
