import { Alert, Button, Container, Stack, Text } from '@mantine/core';
import i18next from 'i18next';
import { Component, type ReactNode } from 'react';
import { Said } from '@/components/Said';

/** Shows what failed instead of an empty page. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state: { error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return (
      <Container size="sm" py="xl">
        <Alert color="red" title={i18next.t('crashed')}>
          <Stack align="flex-start">
            <Text size="sm">
              <Said error={this.state.error} />
            </Text>
            <Button onClick={() => location.reload()}>{i18next.t('reload')}</Button>
          </Stack>
        </Alert>
      </Container>
    );
  }
}
