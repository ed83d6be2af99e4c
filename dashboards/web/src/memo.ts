import { Component, type FunctionComponent, h } from 'preact';

/** @returns a component that is drawn again only when one of its properties is another. */
export function memo<P extends object>(inner: FunctionComponent<P>): new () => Component<P> {
  return class extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      const now = this.props as P;
      return (Object.keys({ ...now, ...next }) as (keyof P)[]).some((key) => now[key] !== next[key]);
    }

    override render(props: P) {
      return h(inner, props);
    }
  };
}
