import { Alert, Button, Container, Stack, Text } from '@mantine/core';
import i18next from 'i18next';
import { Component, type ReactNode } from 'react';
import { Said } from '@/components/Said';
import { NotLoaded } from './loaded';

interface Props {
  /** Where the page is: what has failed in one place is tried anew in the next. */
  at?: string;
  children: ReactNode;
}

interface State {
  error: unknown;
  at: string | undefined;
}

/** Shows what failed instead of an empty page. */
export class ErrorBoundary extends Component<Props, State> {
  override state: State = { error: null, at: this.props.at };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  static getDerivedStateFromProps({ at }: Props, before: State): State | null {
    return at === before.at ? null : { error: null, at };
  }

  override render() {
    const { error } = this.state;
    if (error === null) return this.props.children;
    return (
      <Container size="sm" py="xl">
        <Alert color="red" title={i18next.t('crashed')} role="alert">
          <Stack align="flex-start">
            <Text size="sm">{error instanceof NotLoaded ? i18next.t('notLoaded') : <Said error={error} />}</Text>
            <Button onClick={() => location.reload()}>{i18next.t('reload')}</Button>
          </Stack>
        </Alert>
      </Container>
    );
  }
}
